"""Certificates that are made for one run, with openssl."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

SERVER = "subjectAltName=IP:127.0.0.1"
CLIENT = "extendedKeyUsage=clientAuth"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path

    def settings(self) -> dict[str, str]:
        """Give it as settings of a client."""
        return {"cert_file": str(self.cert), "key_file": str(self.key)}

    def context(self, client_ca: Path | None = None) -> ssl.SSLContext:
        """Make a server's context of it; with ``client_ca`` it asks for a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass(frozen=True)
class Pki:
    """Two CAs, ``ca`` and ``other``, and what they sign."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Pki":
        """Make both CAs."""
        pki = cls(folder)
        for name in ("ca", "other"):
            pki._run(
                *("req", "-x509", *KEY, "-days", "2", "-subj", f"/CN={name}"),
                *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),  # Python 3.13 wants it said
                *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
            )
        return pki

    @property
    def ca(self) -> Path:
        """The CA that everything is signed by, unless said otherwise."""
        return self.folder / "ca.pem"

    @property
    def other(self) -> Path:
        """Another CA."""
        return self.folder / "other.pem"

    def issue(self, name: str, extension: str, *, ca: str = "ca", cn: str = "bridge", days: int = 2) -> Pair:
        """Sign a certificate; with ``days`` -1 it has expired."""
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = f"{name}.csr", self.folder / f"{name}.ext"
        self._run("req", *KEY, "-subj", f"/CN={cn}", "-keyout", str(pair.key), "-out", request)
        extensions.write_text(f"{extension}\nauthorityKeyIdentifier=keyid\n")
        self._run(
            *("x509", "-req", "-in", request, "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key"),
            *("-days", str(days), "-extfile", str(extensions), "-out", str(pair.cert)),
        )
        pair.key.chmod(0o644)  # a server in a container runs as somebody else
        return pair

    def _run(self, *arguments: str) -> None:
        program = shutil.which("openssl")
        assert program is not None, "openssl is needed to make certificates"
        subprocess.run([program, *arguments], cwd=self.folder, check=True, capture_output=True)  # noqa: S603
