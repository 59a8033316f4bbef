"""A stranger, who may publish whatever he likes."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import aio_pika
import orjson
from metrics.pages import values
from support.envelopes import add_agent, create, dial, envelope, manual, od, skip
from support.site import Site
from support.worker import BOUND

from bridge.simulator import Fault

MARK = "stranger"
"""Stands in whatever a stranger may choose, so that it would be found on the page."""

LETTERS = 'aZ09 .:/_-"\\{}=,\n\0\u00e9\u0130\u2028\u4e2d\U0001f600'
LANES = ("agent", "campaign")
PROPERTIES = ("correlation_id", "message_id", "type", "app_id", "content_type", "content_encoding")


class Stranger:
    """Makes up requests; the same ones for the same seed."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def text(self) -> str:
        """Make up a text."""
        letters = self._random.choices(LETTERS, k=self._random.randrange(12))
        return MARK + "".join(letters)

    def name(self) -> str:
        """Make up a text for AMQP's short strings, which the client library takes without NUL."""
        return self.text().replace("\0", "")

    def value(self) -> Any:
        """Make up a value of JSON."""
        return self._random.choice(
            [self.text(), self._random.random(), None, [self.text()], {self.text(): 1}]
        )

    def body(self) -> bytes:
        """Make up a body: of no operation, of one with wrong data, of one that is right, of none at all."""
        chosen = self._random.randrange(8)
        known: list[dict[str, Any]] = [
            *(manual(self.text()), od(self.text()), skip(self.text(), self.text()), dial(), create()),
        ]
        one = self._random.choice(known)
        if chosen == 0:
            return self.text().encode()
        if chosen == 1:
            one = envelope(self.text(), {}, channel=self.text(), topic=self.text())
        elif chosen == 2:
            one |= {"data": {self.text(): self.value()}}
        elif chosen == 3:
            one = {**one, "message": {"response": {"success": False, "errorType": self.text()}}}
            del one["data"]
        elif chosen == 4:
            one[self._random.choice(["channel", "topic", "subtopic"])] = self.text()
        one |= {"source": self.text(), "errorType": self.text(), self.text(): self.value()}
        return orjson.dumps(one)

    def message(self) -> aio_pika.Message:
        """Make up a request; one in two has somebody, something or nobody who waits for the reply."""
        own = f"{self._site.prefix}.requests.{self._random.choice(LANES)}"
        reply_to = self._random.choice(
            [self._site.widget.reply_queue.name, self.name(), own, None, None, None]
        )
        headers = {self.name(): self.value() for _ in range(self._random.randrange(3))}
        headers |= {"traceparent": self.text(), "x-reason": self.text(), "x-operation": self.text()}
        made_up: dict[str, Any] = {name: self.name() for name in PROPERTIES if self._random.random() < 0.5}
        at = datetime.fromtimestamp(self._random.randrange(2**32), UTC)
        return aio_pika.Message(
            self.body(), headers=headers, reply_to=reply_to, timestamp=at, priority=3, **made_up
        )


async def settled(site: Site, count: int) -> str:
    """Wait until so many requests have been counted, and return the page."""
    async with asyncio.timeout(BOUND):
        while True:
            _, page = await site.worker.get("/metrics")
            if count <= sum(values(page, "lcm_bridge_requests_total").values()):
                return page
            await asyncio.sleep(0.02)


async def under_attack(site: Site, first_page: str) -> str:
    """Send 400 requests of a stranger, with LCM failing in every way, and return what is shown then."""
    add_agent(site.simulator, "somebody")
    stranger = Stranger(site, seed=1)
    before = sum(values(first_page, "lcm_bridge_requests_total").values())
    for kind in ("fault", "status", "html", "not_json", "half", "wrong_shape", "redirect"):
        site.simulator.faults.put(Fault(kind=kind, error_rate=0.1, message=stranger.text()))
    channel = site.widget.channel
    exchange = await channel.get_exchange(f"{site.prefix}.requests", ensure=False)
    for number in range(400):
        key = stranger.name() if number % 2 else f"{MARK}.x.CreateContact"
        await exchange.publish(stranger.message(), key[:200])
    page = await settled(site, round(before) + 400)
    site.simulator.faults.clear()
    return page
