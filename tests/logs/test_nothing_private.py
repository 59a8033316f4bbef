"""Whatever is sent and however it fails: nothing personal and no secret stands in the log, at DEBUG too.

The requests are those of `logs.paths`: each operation of the catalogue by each way.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from logs.breaking import BREAKS, PROGRAM
from logs.paths import WAYS, Marks, Request, data_of, faults, made_up, operations, raw, valid
from support.envelopes import add_agent, dial
from support.permitted import url_of
from support.requester import Requester, requester
from support.site import name_of_letters
from support.worker import Worker, running, until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Simulator

SECRET = "hunter2secret"
SECRETS = {
    "BRIDGE_LCM__BEARER_TOKEN": SECRET,
    "BRIDGE_LCM__HEADERS": f'{{"X-Api-Key": "{SECRET}"}}',
}
SETTINGS = {
    **SECRETS,
    "BRIDGE_LOG__LEVEL": "DEBUG",
    "BRIDGE_BREAKER__MINIMUM_CALLS": "1000000",
    "BRIDGE_RETRY__ATTEMPTS": "1",
    "BRIDGE_RETRY__QUICK_WAIT": "0.01",
    "BRIDGE_LCM__TIMEOUT": "0.3",
    "BRIDGE_CONTACTS__FRESH_FOR": "0",
}
EXAMPLES = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # an example takes seconds: none is made smaller
)
FIXED = Marks(
    "+49 301 2345 678",
    "qagentmark",
    "zagent@domain.com",
    "49|312|2799|10|20|44|1253",
    "J\u00fcrgenm Mustermann",
)
SETTLED = re.compile(rb'"event":"request\.settled"|info  request\.settled ')


class Place:
    """A worker, its LCM, and somebody who publishes."""

    def __init__(self, worker: Worker, simulator: Simulator, widget: Requester) -> None:
        self.worker = worker
        self.simulator = simulator
        self.widget = widget
        self._read = 0
        self._settled = 0

    def log(self) -> str:
        """Return the whole log, standard error too."""
        return self.worker.log.read_text()

    def settled(self) -> int:
        """Return how many requests have ended; only what is new in the log is read."""
        with self.worker.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        self._settled += len(SETTLED.findall(whole))
        return self._settled

    async def send(self, requests: list[Request], *, begin: str = "m") -> None:
        """Publish requests, one in three without anybody who waits, and wait until all have ended."""
        before = self.settled()
        for number, (body, properties) in enumerate(requests):
            ids: dict[str, Any] = {"message_id": f"{begin}-{uuid4().hex}", "timestamp": datetime.now(UTC)}
            if number % 3:
                ids |= {"reply_to": self.widget.reply_queue.name, "correlation_id": uuid4().hex}
            await self.widget.publish(body, **(ids | properties))
        await until(lambda: self.settled() >= before + len(requests), "all requests have ended")


MakePlace = Callable[..., Awaitable[Place]]


@pytest.fixture(scope="module")
async def make_place(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MakePlace]:
    """Build places, whose workers fail at what says `BREAKS`."""
    async with AsyncExitStack() as stack:

        async def make(**more: str) -> Place:
            prefix = name_of_letters()
            simulator = await stack.enter_async_context(Simulator(None).running())
            environment = {
                "BRIDGE_AMQP__URL": url_of(rabbit, "bridge"),
                "BRIDGE_AMQP__PREFIX": prefix,
                "BRIDGE_REDIS__URL": redis_server.url,
                "BRIDGE_REDIS__PREFIX": prefix,
                "BRIDGE_LCM__BASE_URL": simulator.base_url,
                **SETTINGS,
                **more,
            }
            log: Path = tmp_path_factory.mktemp("private") / "worker.log"
            worker = await stack.enter_async_context(running(environment, log, ready=False, program=PROGRAM))
            # The consumer's lines are the same in either form; the admin address is not.
            await until(
                lambda: log.exists() and log.read_text().count("consumer.registered") == 2, "consumers"
            )
            return Place(worker, simulator, await stack.enter_async_context(requester(rabbit.url, prefix)))

        yield make


@pytest.fixture(scope="module", params=["json", "console"])
async def place(request: pytest.FixtureRequest, make_place: MakePlace) -> Place:
    """Give a worker that logs in one form or the other."""
    return await make_place(BRIDGE_LOG__FORMAT=request.param)


async def send_everything(place: Place, marks: Marks) -> None:
    """Send every operation by every way, and past every fault of LCM."""
    add_agent(place.simulator, marks.agent)
    for way in WAYS.values():
        await place.send([one for operation in operations() for one in way(operation, marks)])
    for fault in faults(marks):
        place.simulator.faults.put(fault)
        await place.send([one for operation in operations() for one in valid(operation, marks)])
        place.simulator.faults.clear()
    broken = [Request(raw(operation, data_of(operation, marks))) for operation in operations()]
    await place.send(broken, begin=BREAKS)


@EXAMPLES
@given(marks=st.integers(0, 2**32).map(made_up))
async def test_nothing_personal_is_logged(place: Place, marks: Marks) -> None:
    """Phone numbers, ids of agents, LCM's keys and names of people, in the whole log of the process."""
    await send_everything(place, marks)

    assert [] == marks.found_in(place.log())
    assert SECRET not in place.log()


async def test_faults_of_ours_are_logged_without_what_was_at_hand(place: Place) -> None:
    """The traceback names the line and the kind of error, and no local variable."""
    broken = [Request(raw(operation, data_of(operation, FIXED))) for operation in operations()]
    await place.send(broken, begin=BREAKS)
    log = place.log()

    assert "raise ValueError(f" in log
    assert "ValueError: cannot tell" in log.replace("\\", "")
    assert "request.internal_error" in log
    assert [] == FIXED.found_in(log)


async def test_a_request_that_is_hard_to_mask_is_settled_like_others(place: Place) -> None:
    """A character reference of more digits than Python reads: with and without anybody who waits."""
    said = json.dumps(dial(f"&#{'9' * 5000};")).encode()
    await place.send([Request(said)] * 3)

    assert "consumer.task_failed" not in place.log()


async def test_without_masking_numbers_stand_in_the_log_and_secrets_do_not(make_place: MakePlace) -> None:
    """``log.mask = false`` shows what LCM says of whom; bodies and secrets it does not show either."""
    place = await make_place(BRIDGE_LOG__MASK="false")
    await send_everything(place, FIXED)
    log = place.log()

    assert {FIXED.phone, FIXED.agent, FIXED.address, FIXED.account} <= set(FIXED.found_in(log))
    assert SECRET not in log
    kept = [
        line for line in log.splitlines() if BREAKS not in line
    ]  # that fault of ours quotes the body itself
    assert [] == [line for line in kept if '\\"subtopic\\"' in line or "<N>" in line]


async def test_nothing_personal_is_logged_while_redis_is_away(make_place: MakePlace) -> None:
    """Held, parked, told that nobody knows: every operation with Redis gone in the midst."""
    async with PrivateRedis() as own:
        place = await make_place(
            BRIDGE_REDIS__URL=own.url, BRIDGE_LEDGER__HOLD_FOR="1.0", BRIDGE_RETRY__DELAYS="[200]"
        )
        await place.send([one for operation in operations() for one in valid(operation, FIXED)])
        await own.kill()
        await place.send([one for operation in operations() for one in valid(operation, FIXED)])

    assert {"redis.away", "request.parked", "contact_cache.not_updated"} <= {
        line["event"] for line in place.worker.events()
    }
    assert [] == FIXED.found_in(place.log())


async def test_no_password_of_a_server_is_logged(
    make_place: MakePlace, rabbit: PrivateRabbit, tmp_path: Path
) -> None:
    """RabbitMQ that refuses it, Redis that is not there, both quoted with their URLs."""
    del make_place
    environment = SETTINGS | {
        "BRIDGE_AMQP__URL": url_of(rabbit, "bridge").replace("bridge:bridge", f"bridge:{SECRET}"),
        "BRIDGE_REDIS__URL": f"redis://user:{SECRET}@127.0.0.1:1/0?health_check_interval=1",
        "BRIDGE_LCM__USERNAME": "bridge",
        "BRIDGE_LCM__PASSWORD": SECRET,
        "BRIDGE_LCM__BEARER_TOKEN": "",
    }
    async with running(environment, tmp_path / "worker.log", ready=False) as worker:
        await worker.until_logged("amqp.connection_failed")
        await worker.until_logged("redis.away")
        await asyncio.wait_for(worker.stop(), 20)

    assert SECRET not in worker.log.read_text()
