"""A worker before a long backlog: what memory it takes, and whether that grows. ``make overload``.

Publishes requests while no worker runs, then starts one and looks at its resident memory until the
queues are empty. Prints one line per tenth of the backlog, and fails above the bound.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import aio_pika
from support.connecting import connect
from support.envelopes import add_agent, create, od
from support.permitted import rabbit_with_users, url_of
from support.worker import Worker, running

from bridge.demo.servers import PrivateRedis
from bridge.simulator import Options, Simulator

BOUND_MIB = 150
BATCH = 500


def resident(worker: Worker) -> tuple[float, float]:
    """Return the resident memory of a worker now and at its peak, in MiB."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    now, peak = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmRSS", "VmHWM"))
    assert now is not None
    assert peak is not None
    return int(now[1]) / 1024, int(peak[1]) / 1024


async def publish(channel: aio_pika.abc.AbstractChannel, queue: str, count: int) -> None:
    """Publish reads to the agent queue, creations without reply_to to the campaign queue."""
    read = json.dumps(od("agent")).encode()
    creation = json.dumps(create()).encode()
    body = read if queue.endswith("agent") else creation
    for start in range(0, count, BATCH):
        await asyncio.gather(
            *(
                channel.default_exchange.publish(
                    aio_pika.Message(body, message_id=uuid4().hex, delivery_mode=2), queue
                )
                for _ in range(min(BATCH, count - start))
            )
        )


async def waiting(channel: aio_pika.abc.AbstractChannel, queues: list[str]) -> int:
    """Count the messages that are ready in the queues."""
    declared = [await channel.declare_queue(queue, passive=True) for queue in queues]
    return sum(queue.declaration_result.message_count or 0 for queue in declared)


async def main(count: int) -> int:
    """Run it and return the exit code."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rabbit = await stack.enter_async_context(rabbit_with_users(folder / "users"))
        redis = await stack.enter_async_context(PrivateRedis())
        simulator = await stack.enter_async_context(Simulator(Options(max_effects=count)).running())
        add_agent(simulator, "agent")
        settings = {
            "BRIDGE_AMQP__URL": url_of(rabbit, "bridge"),
            "BRIDGE_REDIS__URL": redis.url,
            "BRIDGE_LCM__BASE_URL": simulator.base_url,
            "BRIDGE_LOG__LEVEL": "ERROR",
        }
        async with running(settings | {"BRIDGE_LOG__LEVEL": "INFO"}, folder / "first.log"):
            pass  # it has declared the queues
        connection = await stack.enter_async_context(await connect(rabbit.url))
        channel = await connection.channel()
        queues = ["lcm.requests.agent", "lcm.requests.campaign"]
        for queue in queues:
            await publish(channel, queue, count // 2)
        sys.stdout.write(f"{await waiting(channel, queues)} requests wait\n")
        started = time.monotonic()
        log = folder / "worker.log"
        worker = await stack.enter_async_context(
            running(settings | {"BRIDGE_LOG__LEVEL": "WARNING"}, log, ready=False)
        )
        left, told = count, count
        while left:
            await asyncio.sleep(0.5)
            assert worker.process.returncode is None, log.read_text()[-2000:]
            left = await waiting(channel, queues)
            if left <= told - count / 10 or not left:
                told = left
                now, peak = resident(worker)
                sys.stdout.write(
                    f"{count - left:>8} done after {time.monotonic() - started:5.0f} s: "
                    f"{now:5.1f} MiB now, {peak:5.1f} MiB peak\n"
                )
        _, peak = resident(worker)
        sys.stdout.write(f"peak {peak:.1f} MiB, bound {BOUND_MIB} MiB\n")
        return 0 if peak < BOUND_MIB else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200_000)
    raise SystemExit(asyncio.run(main(parser.parse_args().requests)))
