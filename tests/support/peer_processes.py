"""The benchmark's peers as processes, with queues and an LCM of their own."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.connecting import connect
from support.envelopes import add_contact
from support.site import name_of_letters
from support.worker import BOUND, until

from bridge.simulator import Simulator

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-bench/bin/python"
NODE = ROOT / "bench/peers/node"
AGENT = "agent-000001"
CONTACT: dict[str, Any] = {
    "kind": "od",
    "AccountNumber": "137|1|3|0|0|84|1",
    "CampaignId": "SamplePreviewCampaign-ACQ",
    "ExpiryTime": "Dec 31 2099 11:59PM",
    "CallbackTime": "Dec 31 2099 11:59PM",
    "Queue": "Schlange ä",
}

NO_PYTHON = pytest.mark.skipif(
    not PYTHON.exists(), reason="the peers' packages are not installed: scripts/setup.sh --bench"
)
NO_NODE = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").exists(),
    reason="node or the peer's packages are not installed: scripts/setup.sh --bench",
)


@dataclass(frozen=True)
class Peer:
    """How a peer is started, and the prefix of what it writes into Redis, if it does."""

    command: Sequence[str]
    keys: str | None = None


def python_peer(name: str, keys: str | None = None) -> Any:
    """Return a peer that is a module of ours."""
    return pytest.param(Peer((str(PYTHON), "-m", f"bench.peers.{name}"), keys), id=name, marks=NO_PYTHON)


ECHO = Peer((str(PYTHON), "-m", "bench.peers.echo"))
PEERS = [
    python_peer("bare"),
    python_peer("faststream_httpx", "bench.faststream-httpx"),
    python_peer("faststream_tuned", "bench.faststream-tuned"),
    pytest.param(Peer(("node", str(NODE / "peer.mjs")), "bench.node"), id="node", marks=NO_NODE),
]


@asynccontextmanager
async def lcm() -> AsyncIterator[Simulator]:
    """Run an LCM that gives everybody the same contact, and the same keys to what is created."""
    async with Simulator().running() as simulator:
        add_contact(simulator, AGENT, **CONTACT)
        yield simulator


@dataclass
class Process:
    """A peer that runs."""

    process: asyncio.subprocess.Process
    errors: Path

    async def ended(self) -> int:
        """Wait for its end and return the exit code."""
        return await asyncio.wait_for(self.process.wait(), BOUND)


@asynccontextmanager
async def started(
    peer: Peer, folder: Path, *, amqp_url: str, redis_url: str, lcm_url: str, queues: Sequence[str]
) -> AsyncIterator[Process]:
    """Run a peer for the length of a block, which begins when it consumes."""
    output, errors = folder / "output", folder / "errors"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BENCH_AMQP_URL": amqp_url,
        "BENCH_REDIS_URL": redis_url,
        "BENCH_LCM_URL": f"{lcm_url.rstrip('/')}/",
        "BENCH_QUEUES": ",".join(queues),
        "BENCH_PREFETCH": "1",  # the next request comes only after an acknowledgement
    }
    with output.open("wb") as out, errors.open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *peer.command, env=environment, stdout=out, stderr=err, cwd=folder
        )
    try:
        await until(
            lambda: process.returncode is not None or "ready" in output.read_text().splitlines(),
            f"{peer.command} is ready",
        )
        assert process.returncode is None, errors.read_text()
        yield Process(process, errors)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def declare(stack: AsyncExitStack, url: str) -> list[str]:
    """Declare an agent and a campaign queue of one's own; they last as long as the stack."""
    connection = await stack.enter_async_context(await connect(url))
    channel = await connection.channel()
    queues = [f"{name_of_letters()}.{kind}" for kind in ("agent", "campaign")]
    for queue in queues:
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        stack.push_async_callback(channel.queue_delete, queue)
    return queues
