"""The demonstration as a user runs it: a process that shows everything, and leaves nothing behind."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.demo.servers import PrivateRabbit, PrivateRedis

LONGEST = 90


async def run_demo(
    *arguments: str, folder: Path, until: str = "", how: signal.Signals = signal.SIGINT
) -> tuple[int, str]:
    """Run the demonstration with its temporary files in `folder`, and signal it once `until` is printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge",
        "demo",
        *arguments,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    output = ""
    try:
        async with asyncio.timeout(LONGEST):
            while line := (await process.stdout.readline()).decode():
                output += line
                if until and until in line:
                    process.send_signal(how)
                    until = ""
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return code, output


def left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that mention `folder`, and what lies in it."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parts = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in parts:
            commands.append((process / "comm").read_text().strip() if process.exists() else "")
    return commands + [path.name for path in folder.iterdir()]


async def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Return whether `holds` comes true within `seconds`."""
    give_up = asyncio.get_running_loop().time() + seconds
    while not holds():
        if asyncio.get_running_loop().time() > give_up:
            return False
        await asyncio.sleep(0.05)
    return True


@pytest.mark.rabbitmq
async def test_every_answer_is_as_the_contract_says(tmp_path: Path) -> None:
    """With private servers the demonstration exits 0 and leaves no process and no folder."""
    code, output = await run_demo(folder=tmp_path)

    assert re.search(r"(\d+) of \1 answers were as expected", output), output
    assert "cache: hit" in output
    assert "cache: stale" in output
    assert code == 0
    assert left_behind(tmp_path) == []


async def test_an_unexpected_answer_fails_it(
    tmp_path: Path, rabbit: PrivateRabbit, redis_server: PrivateRedis
) -> None:
    """When LCM misbehaves, the demonstration shows the differences and the bridge's log, and exits 1."""
    code, output = await run_demo(
        "--amqp-url", rabbit.url, "--redis-url", redis_server.url, "--fault", "wrong_shape", folder=tmp_path
    )

    assert "not as expected: " in output
    assert "The end of the bridge's log" in output
    assert code == 1
    assert left_behind(tmp_path) == []


async def test_what_is_no_url_of_rabbitmq_is_told(tmp_path: Path) -> None:
    """Before anything is started, in the words of the settings."""
    code, output = await run_demo("--amqp-url", "rabbitmq.example", folder=tmp_path)

    assert code == 1
    assert "must be a URL that starts with amqp:// or amqps://" in output


async def test_a_given_broker_is_left_as_it_was(
    tmp_path: Path, rabbit: PrivateRabbit, redis_server: PrivateRedis
) -> None:
    """On servers that were given, it passes too, and removes the names that its bridge declared."""
    code, output = await run_demo("--amqp-url", rabbit.url, "--redis-url", redis_server.url, folder=tmp_path)

    assert code == 0, output
    assert "lcm-demo-" not in await rabbit.ctl("list_queues", "--silent", "name")
    assert "lcm-demo-" not in await rabbit.ctl("list_exchanges", "--silent", "name")


@pytest.mark.parametrize(("how", "until"), [(signal.SIGINT, "Starting the bridge"), (signal.SIGTERM, " 3  ")])
async def test_an_interruption_stops_everything(
    tmp_path: Path, rabbit: PrivateRabbit, how: signal.Signals, until: str
) -> None:
    """Ctrl-C and SIGTERM, during the start and among the scenes, stop all that was started."""
    code, output = await run_demo("--amqp-url", rabbit.url, folder=tmp_path, until=until, how=how)

    assert code == 1, output
    assert "Interrupted" in output
    assert "Traceback" not in output
    assert left_behind(tmp_path) == []


async def test_it_can_be_kept_running(
    tmp_path: Path, rabbit: PrivateRabbit, redis_server: PrivateRedis
) -> None:
    """With --keep it says how to talk to it, and Ctrl-C then ends it with code 0."""
    code, output = await run_demo(
        "--keep",
        "--amqp-url",
        rabbit.url,
        "--redis-url",
        redis_server.url,
        folder=tmp_path,
        until="lcm-bridge request ",
    )

    assert "/readyz" in output
    assert "/docs" in output
    assert f"{rabbit.url.rstrip('/')}\n" in output
    assert code == 0, output
    assert left_behind(tmp_path) == []


async def test_nothing_outlives_a_killed_demonstration(tmp_path: Path, rabbit: PrivateRabbit) -> None:
    """Even after SIGKILL the bridge, the simulator, Redis and the folder go."""
    code, _ = await run_demo(
        "--amqp-url", rabbit.url, folder=tmp_path, until="Every operation", how=signal.SIGKILL
    )

    assert code == -signal.SIGKILL
    assert await eventually(lambda: left_behind(tmp_path) == [])
