"""What the TLS tests share: servers that want certificates, a proxy, a mounted secret, what was logged."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from structlog.testing import LogCapture
from support.pki import CLIENT, SERVER, Pair, Pki

from bridge.configuration import load
from bridge.credentials import Credentials, Current
from bridge.demo.installed import rabbit_program
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.lcm.login import Login, login
from bridge.rereading import files, reread

PASSWORD = "correct-horse"


@dataclass(frozen=True)
class Certificates:
    """A server's certificates and a client's: right ones, and each way to be wrong."""

    pki: Pki
    server: Pair
    expired_server: Pair
    client: Pair
    second_client: Pair
    foreign_client: Pair
    expired_client: Pair

    @classmethod
    def made(cls, folder: Path) -> "Certificates":
        """Make them all; a client is ``bridge``."""
        pki = Pki.made(folder)
        return cls(
            pki,
            pki.issue("server", SERVER, cn="server"),
            pki.issue("expired-server", SERVER, cn="server", days=-1),
            pki.issue("client", CLIENT),
            pki.issue("second-client", CLIENT),
            pki.issue("foreign-client", CLIENT, ca="other"),
            pki.issue("expired-client", CLIENT, days=-1),
        )

    @property
    def good(self) -> dict[str, str]:
        """Give settings with which every server lets us in."""
        return {"ca_file": str(self.pki.ca), **self.client.settings()}

    def redis_arguments(self, port: int) -> tuple[str, ...]:
        """Give arguments of a redis-server that wants client certificates on a port of its own."""
        return (
            *("--tls-port", str(port), "--tls-ca-cert-file", str(self.pki.ca)),
            *("--tls-cert-file", str(self.server.cert), "--tls-key-file", str(self.server.key)),
        )


def needs(*programs: str) -> None:
    """Skip a test where a server would run in a container, which cannot read our certificates."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin"])
    for program in programs:
        found = rabbit_program() if program == "rabbitmq-server" else shutil.which(program, path=path)
        if found is None:
            pytest.skip(f"{program} is not installed")


@asynccontextmanager
async def behind_tls(inner: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Pass what comes by TLS on to a server's port; gives the port."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class SecureRabbit(NamedTuple):
    """A broker's ports: one wants client certificates, the other is plain."""

    port: int
    plain: PrivateRabbit

    def url(self, log_in: str = "bridge:bridge") -> str:
        """Give the URL for a user, or for a user and a password."""
        return f"amqps://{log_in}@127.0.0.1:{self.port}/"


class SecureRedis(PrivateRedis):
    """A Redis with a password that wants client certificates on ``tls_port``."""

    def __init__(self, certificates: Certificates, tls_port: int) -> None:
        arguments = (*certificates.redis_arguments(tls_port), "--requirepass", PASSWORD)
        super().__init__(appendonly=False, arguments=arguments)
        self.tls_port = tls_port

    @property
    def url(self) -> str:
        """Give the URL without a log-in."""
        return f"rediss://127.0.0.1:{self.tls_port}/0"


class Mounted:
    """A folder as Kubernetes mounts a secret: all files change at once, by one link."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.folder = folder
        self._version = 0
        folder.mkdir()
        self.change(files)
        for name in files:
            (folder / name).symlink_to(Path("..data") / name)

    def change(self, files: Mapping[str, str]) -> None:
        """Replace the whole contents; the names stay the same."""
        self._version += 1
        version = self.folder / f"..version-{self._version}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
        (self.folder / "..data_tmp").symlink_to(version.name)
        (self.folder / "..data_tmp").replace(self.folder / "..data")

    def settings(self) -> dict[str, str]:
        """Give the files of `pem` as settings of a client."""
        return {name.replace(".pem", "_file"): str(self.folder / name) for name in PEM}


Mount = Callable[[str, str, Mapping[str, str]], Mounted]
"""Mounts a secret for a group of settings with a URL."""

PEM = ("ca.pem", "cert.pem", "key.pem")


def pem(ca: Path, pair: Pair) -> dict[str, str]:
    """Give the contents of a CA, a certificate and a key by the names in `PEM`."""
    return {name: file.read_text() for name, file in zip(PEM, (ca, pair.cert, pair.key), strict=True)}


@dataclass
class Told:
    """What the parts under test logged."""

    capture: LogCapture = field(default_factory=LogCapture)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Give all lines, or those of one event."""
        return [dict(one) for one in self.capture.entries if name in (None, one["event"])]

    def forget(self) -> None:
        """Begin anew."""
        self.capture.entries.clear()

    async def until(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until an event was told so many times; give the last."""
        async with asyncio.timeout(20):
            while len(found := self.events(name)) < count:
                await asyncio.sleep(0.01)
        return found[-1]


def lcm_login(credentials: Credentials) -> Current[Login]:
    """Keep what lets the bridge in at LCM."""
    return credentials.current(lambda now: login(now.lcm))


def watched() -> Credentials:
    """Look after the settings of the environment."""
    return Credentials(load().settings, reread, files)
