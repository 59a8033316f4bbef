"""A broker behind TLS is spoken to as any other."""

import asyncio
from pathlib import Path
from ssl import SSLContext
from uuid import uuid4

import pytest
from aiormq.exceptions import AMQPConnectionError
from support.open_channels import open_channel
from support.pki import SERVER, Pki
from tls.secure_servers import behind_tls

from bridge.demo.servers import PrivateRabbit
from bridge.messages import Outgoing, Properties


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SSLContext]:
    """Make a CA, and a server's context with a certificate that it signed."""
    pki = Pki.made(tmp_path_factory.mktemp("pki"))
    return pki.ca, pki.issue("server", SERVER).context()


async def test_there_and_back(rabbit: PrivateRabbit, certificates: tuple[Path, SSLContext]) -> None:
    """A large message is confirmed and delivered."""
    body = bytes(300_000)
    ca, context = certificates
    async with (
        asyncio.timeout(30),
        behind_tls(rabbit.port, context) as port,
        open_channel(f"amqps://guest:guest@127.0.0.1:{port}/?cafile={ca}") as opened,
    ):
        queue = uuid4().hex
        await opened.channel.amqp.queue_declare(queue, exclusive=True)
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        await opened.channel.traffic.consume(queue, lambda arrival: arrived.put_nowait(arrival.body))
        properties = Properties(message_id=uuid4().hex)
        outgoing = Outgoing(exchange="", routing_key=queue, body=body, properties=properties)

        assert await opened.channel.traffic.publish(outgoing, properties)
        assert body == await arrived.get()


async def test_a_certificate_that_nobody_vouches_for(
    rabbit: PrivateRabbit, certificates: tuple[Path, SSLContext]
) -> None:
    """It is refused."""
    async with asyncio.timeout(30), behind_tls(rabbit.port, certificates[1]) as port:
        with pytest.raises(AMQPConnectionError):
            async with open_channel(f"amqps://guest:guest@127.0.0.1:{port}/"):
                pass
