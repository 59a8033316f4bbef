"""What groups of settings have in common."""

from collections.abc import Iterator
from typing import Protocol

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """One group of settings; an unknown name in it is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TlsFiles(Protocol):
    """The PEM files of a server's group: a CA, a client certificate, its key; empty where there is none."""

    @property
    def ca_file(self) -> str:
        """The CA that signed the server's certificate, in the place of those that the system trusts."""

    @property
    def cert_file(self) -> str:
        """The certificate that the server is shown."""

    @property
    def key_file(self) -> str:
        """Its key, if that is not in the same file."""


def tls_faults(files: TlsFiles, *, url: str, secure: bool, in_url: bool = False) -> Iterator[str]:
    """Find files that would not be used, or not all of them.

    ``url`` names the setting that says with ``secure`` whether TLS is spoken, and with ``in_url`` whether
    its query names such files too.
    """
    names = ("ca_file", "cert_file", "key_file")
    given = [name for name in names if getattr(files, name)]
    if files.key_file and not files.cert_file:
        yield "key_file needs cert_file"
    if given and not secure:
        # Whoever names a certificate believes that the way is safe.
        yield f"{' and '.join(given)}: {url} does not use TLS"
    if given and in_url:
        yield f"{' and '.join(given)} and files in the query of {url} exclude each other"
