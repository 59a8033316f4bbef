"""``lcm-bridge dead-letters`` in vain: RabbitMQ is away, no queue is there, or it was called wrongly."""

from pathlib import Path

import pytest
from support.command import run_command
from support.permitted import url_of

from bridge.demo.servers import PrivateRabbit

NOWHERE = {
    "BRIDGE_AMQP__URL": "amqp://guest:h1dd3n@127.0.0.1:1/",
    "BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0",
}
ACTIONS = (["list"], ["show", "0123456789ab"], ["replay", "--yes"], ["drop", "--all", "--yes"])


@pytest.mark.parametrize("arguments", ACTIONS)
async def test_broker_away(tmp_path: Path, arguments: list[str]) -> None:
    """A broker that is away is exit 1 with a line that names the node and what to try, and no password."""
    ended = await run_command("dead-letters", *arguments, folder=tmp_path, settings=NOWHERE)

    assert 1 == ended.code
    assert "127.0.0.1:1" in ended.errors
    assert ended.errors.endswith("; try: lcm-bridge check\n")
    assert [] == [text for text in ("Traceback", "h1dd3n") if text in ended.errors + ended.output]


@pytest.mark.parametrize("arguments", ACTIONS)
async def test_no_queue_yet(rabbit: PrivateRabbit, tmp_path: Path, arguments: list[str]) -> None:
    """Where no worker ever ran there is no queue, which is said."""
    settings = {"BRIDGE_AMQP__URL": url_of(rabbit, "bridge"), "BRIDGE_AMQP__PREFIX": "never-declared"}

    ended = await run_command("dead-letters", *arguments, folder=tmp_path, settings=settings)

    assert 1 == ended.code
    assert "there is no queue never-declared.dead-letters" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            [],
            ["nosuch"],
            ["show"],
            ["show", "ID"],
            ["drop", "0123456789a"],
            ["list", "--reason", "bad-luck"],
        ),
        *(["list", "--older-than", text] for text in ("", "2", "h", "-1h", "2y", "1e3s", "99999999d")),
        *(["list", "--limit", text] for text in ("0", "-1", "1.5", "9999999999")),
        *(["replay", f"--rate={text}"] for text in ("0", "-1", "nan", "inf", "fast")),
        *(["list", "--operation", "Nosuch"], ["settle", "0123456789ab"]),
        ["settle", "0123456789ab", "--happened", "{}", "--not-happened"],
    ],
)
async def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Wrong usage is exit 2 with a usage line, before anything is connected."""
    ended = await run_command("dead-letters", *arguments, folder=tmp_path, settings=NOWHERE)

    assert 2 == ended.code
    assert "usage:" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("given", ["0|1|2", "", "@nosuch.json", "{", "@."])
async def test_a_reply_that_is_no_json(tmp_path: Path, given: str) -> None:
    """It is exit 2 with what is wrong, before anything is connected."""
    ended = await run_command(
        "dead-letters", "settle", "0123456789ab", "--happened", given, folder=tmp_path, settings=NOWHERE
    )

    assert 2 == ended.code
    assert ended.errors.startswith("--happened: ")
    assert "Traceback" not in ended.errors
