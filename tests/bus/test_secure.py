"""A broker behind TLS is spoken to as any other."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from uuid import uuid4

import pytest
from aiormq.exceptions import AMQPConnectionError
from support.open_channels import open_channel

from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties


@pytest.fixture
async def certificate(tmp_path: Path) -> Path:
    """Make a certificate, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "both.pem"
    process = await asyncio.create_subprocess_exec(
        openssl,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", str(path), "-out", str(tmp_path / "certificate.pem")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert 0 == await process.wait()
    with path.open("ab") as both:
        both.write((tmp_path / "certificate.pem").read_bytes())
    return path


@asynccontextmanager
async def behind_tls(rabbit: PrivateRabbit, certificate: Path) -> AsyncIterator[int]:
    """Pass what comes by TLS on to a broker; gives the port."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", rabbit.port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_there_and_back(rabbit: PrivateRabbit, certificate: Path) -> None:
    """A large message is confirmed and delivered."""
    body = bytes(300_000)
    async with (
        asyncio.timeout(30),
        behind_tls(rabbit, certificate) as port,
        open_channel(f"amqps://guest:guest@localhost:{port}/?cafile={certificate}") as opened,
    ):
        queue = uuid4().hex
        await opened.channel.amqp.queue_declare(queue, auto_delete=True)
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        await opened.channel.traffic.consume(queue, lambda arrival: arrived.put_nowait(arrival.body))
        properties = Properties(message_id=uuid4().hex)
        outgoing = Outgoing(exchange="", routing_key=queue, body=body, properties=properties)

        assert await opened.channel.traffic.publish(outgoing, properties)
        assert body == await arrived.get()


async def test_a_certificate_that_nobody_vouches_for(rabbit: PrivateRabbit, certificate: Path) -> None:
    """It is refused."""
    async with asyncio.timeout(30), behind_tls(rabbit, certificate) as port:
        with pytest.raises(AMQPConnectionError):
            async with open_channel(f"amqps://guest:guest@localhost:{port}/"):
                pass
