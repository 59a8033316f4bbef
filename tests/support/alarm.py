"""RabbitMQ short of memory: it blocks every connection that publishes, and takes no message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.demo.servers import PrivateRabbit


@asynccontextmanager
async def memory_alarm(rabbit: PrivateRabbit) -> AsyncIterator[None]:
    """Have the broker be short of memory for the length of a block."""
    await rabbit.ctl("set_vm_memory_high_watermark", "0.0000001")
    try:
        yield
    finally:
        await rabbit.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
