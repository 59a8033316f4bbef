"""``lcm-bridge request`` against a broker and a worker: replies, exit codes, and what never gets a reply."""

import asyncio
import json
import os
import re
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, FieldValue
from chaos.proxy import Proxy
from pydantic import SecretStr
from support.command import run_command
from support.envelopes import add_contact, dial, manual, skip
from support.permitted import url_of
from support.site import Site, name_of_letters
from yarl import URL

from bridge.cli.request.sending import NoReply, NotSent, Sending, Sent
from bridge.demo.servers import PrivateRabbit
from bridge.settings import Amqp

NOWHERE = {"BRIDGE_AMQP__URL": "amqp://guest:guest@127.0.0.1:1/"}


@pytest.mark.parametrize("given_as", ["file", "standard input", "operation"])
async def test_request_prints_the_reply(site: Site, tmp_path: Path, given_as: str) -> None:
    """An envelope from a file or standard input, or an operation: its reply, and the times; exit 0."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    body = json.dumps(manual(agent)).encode()
    (tmp_path / "request.json").write_bytes(body)
    arguments = {
        "file": ["request.json"],
        "standard input": ["-"],
        "operation": ["getreservedmanualdialcontact", "--data", "-", "--set", f"UserID={agent}"],
    }[given_as]
    given = json.dumps(manual("another")["data"]).encode() if given_as == "operation" else body

    ended = await run_command("request", *arguments, folder=tmp_path, settings=site.settings, given=given)

    assert 0 == ended.code, ended.errors
    reply = json.loads(ended.output)
    assert "DownloadContactsForDialing" == reply["subtopic"]
    assert account == reply["message"]["response"][0]["AccountNumber"]
    assert re.fullmatch(
        r"ok: confirmed after \d+\.\d ms, reply after \d+\.\d ms; cache: miss\n", ended.errors
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"channel": "\\ud800", "topic": "WebService", "subtopic": "GetReservedContactOD"}',
        b"[" * 200_000,
        json.dumps(skip("a", "1", outcome=-1)).encode(),
    ],
    ids=["cut", "half a pair", "deep", "refused"],
)
async def test_request_of_a_failure(site: Site, tmp_path: Path, body: bytes) -> None:
    """A failure reply is printed too, and is exit 1: the bridge says what is wrong with a file."""
    ended = await run_command("request", "-", folder=tmp_path, settings=site.settings, given=body)

    assert 1 == ended.code
    assert "errorType" in ended.output


async def test_request_with_headers_and_key(site: Site, tmp_path: Path) -> None:
    """--headers shows the reply's headers on standard error; --key goes into the event's header."""
    queue = await site.widget.listen("#.ManualDialCall")

    ended = await run_command(
        "request", "-", "--headers", "--key", "my-key", folder=tmp_path, settings=site.settings,
        given=json.dumps(dial()).encode(),
    )  # fmt: skip

    assert 0 == ended.code, ended.errors
    assert "x-bridge-status: ok" in ended.errors
    event = await queue.get(no_ack=True)
    await queue.delete()
    assert event is not None
    assert "my-key" == event.headers["idempotency-key"]


async def test_request_without_an_answer(tmp_path: Path) -> None:
    """No broker, or neither a file nor an operation: exit 6 and 2, each with one clear line."""
    nowhere = await run_command("request", "-", folder=tmp_path, settings=NOWHERE, given=b"{}")
    missing = await run_command("request", "no-such-file", folder=tmp_path, settings=NOWHERE)

    assert [6, 2] == [ended.code for ended in (nowhere, missing)]
    assert nowhere.errors.startswith("not sent: RabbitMQ: 127.0.0.1:1: ")
    assert nowhere.errors.endswith("; try: lcm-bridge check\n")
    assert missing.errors.startswith("no-such-file: no such file, and no operation")
    assert not any("Traceback" in ended.errors for ended in (nowhere, missing))


async def test_what_nobody_would_be_told_of_is_not_sent(tmp_path: Path) -> None:
    """Wrong data of an operation without a reply: exit 2, and what the dead letter would say."""
    settings = NOWHERE | {"BRIDGE_OPERATIONS__SIBLINGS": '["SendAgentState"]'}
    ended = await run_command("request", "SendAgentState", folder=tmp_path, settings=settings)

    assert 2 == ended.code
    assert "INVALID_DATA" in ended.output
    assert ended.errors.startswith("not sent: ")


@pytest.fixture
async def settings(rabbit: PrivateRabbit) -> Amqp:
    """Name things of our own; no worker has declared them."""
    return Amqp(url=SecretStr(url_of(rabbit, "bridge")), prefix=name_of_letters())


async def sent(settings: Amqp, *, answered: bool = True, seconds: float = 20.0) -> Sent:
    """Send a request."""
    return await Sending(settings, answered=answered, key=None).send(b"{}", "a.b.c", seconds)


async def taken(settings: Amqp, channel: AbstractChannel) -> asyncio.Queue[AbstractIncomingMessage]:
    """Declare the exchange, and take what is published there, without an answer."""
    exchange = await channel.declare_exchange(settings.requests_exchange, "topic", auto_delete=True)
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(exchange, "#")
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await queue.consume(arrived.put, no_ack=True)
    return arrived


async def test_what_leads_nowhere_is_told_at_once(settings: Amqp, channel: AbstractChannel) -> None:
    """An exchange without a binding, or none at all: nothing is waited for."""
    with pytest.raises(NotSent, match="NOT_FOUND"):
        await sent(settings)
    exchange = await channel.declare_exchange(settings.requests_exchange, "topic", auto_delete=True)
    await (await channel.declare_queue(exclusive=True)).bind(exchange, "other")

    with pytest.raises(NotSent, match=f"unroutable: nothing is bound to the exchange {exchange.name}"):
        await sent(settings)


async def test_what_a_full_queue_refuses_is_told_at_once(settings: Amqp, channel: AbstractChannel) -> None:
    """The broker's nack."""
    exchange = await channel.declare_exchange(settings.requests_exchange, "topic", auto_delete=True)
    full: dict[str, FieldValue] = {"x-max-length": 0, "x-overflow": "reject-publish"}
    await (await channel.declare_queue(exclusive=True, arguments=full)).bind(exchange, "#")

    with pytest.raises(NotSent, match="the queue is full"):
        await sent(settings)


async def test_what_nobody_answers_ends_with_the_confirm(settings: Amqp, channel: AbstractChannel) -> None:
    """It names no queue for a reply; where one is waited for, and none comes, that is told."""
    arrived = await taken(settings, channel)

    ended = await sent(settings, answered=False)
    with pytest.raises(NoReply, match=r"no reply within 0.5 s; is a worker running\?") as none:
        await sent(settings, seconds=0.5)

    assert (None, None) == (ended.replied, ended.body)
    assert ended.confirmed > 0
    first, second = [await asyncio.wait_for(arrived.get(), 20) for _ in range(2)]
    assert (None, True) == (first.reply_to, bool(second.reply_to))
    assert str(none.value).endswith(f"; message id {second.message_id}")


async def test_a_lost_connection_is_no_reply(
    rabbit: PrivateRabbit, settings: Amqp, channel: AbstractChannel
) -> None:
    """The broker has the request, so that somebody may carry it out."""
    arrived = await taken(settings, channel)
    url = URL(rabbit.url)
    proxy = Proxy(url.port or 5672)
    await proxy.start()
    through = settings.model_copy(update={"url": SecretStr(str(url.with_port(proxy.port)))})
    sending = asyncio.create_task(sent(through))
    try:
        await asyncio.wait_for(arrived.get(), 20)
        proxy.cut()

        with pytest.raises(NoReply):
            await asyncio.wait_for(sending, 10)
    finally:
        await proxy.stop()


async def test_ctrl_c_tells_which_request_was_under_way(
    settings: Amqp, channel: AbstractChannel, tmp_path: Path
) -> None:
    """By the ids that it is found and repeated by; exit 130, in one line."""
    arrived = await taken(settings, channel)
    environment = {
        "BRIDGE_AMQP__URL": settings.url.get_secret_value(),
        "BRIDGE_AMQP__PREFIX": settings.prefix,
        "COLUMNS": "200",
    }
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "request", "CreateContact", "--key", "my-key"),
        env=os.environ | environment,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # What a shell began with `&` ignores it, and hands that down.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        request = await asyncio.wait_for(arrived.get(), 20)
        command.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(command.communicate(), 20)
    finally:
        if command.returncode is None:
            command.kill()
            await command.wait()

    assert (130, 1) == (command.returncode, len(errors.splitlines())), errors
    assert errors.decode().startswith("interrupted before ")
    assert errors.decode().endswith(f"; message id {request.message_id}, idempotency key my-key\n")
