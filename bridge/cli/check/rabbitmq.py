"""What is checked of RabbitMQ. AMQP 0-9-1 tells no time of the server, so its clock is not compared."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.app import topology
from bridge.cli.check import broker_parts, broker_publishing, broker_queues
from bridge.cli.check.broker import FAULTS, Broker
from bridge.cli.check.finding import Finding, Test, beside, failed, ok, round_trips, timed, warning
from bridge.operations.catalogue import Catalogue
from bridge.settings import Settings

OLDEST: Final = (3, 10)
"""The oldest version that the bridge works with: before it, quorum queues have no time to live."""

_CONNECT: Final = 5.0
"""Seconds for one connection, if ``amqp.connect_timeout`` is longer."""

_SLOW: Final = 0.1
"""Seconds of a round trip above which every request is slow: it needs several."""

_ROUND_TRIPS: Final = 5

_AWAY: Final = (
    "the connection ended, or a queue has no leader: see the log of RabbitMQ, and rabbitmqctl cluster_status"
)


async def check(settings: Settings, known: Catalogue, seconds: float) -> list[Finding]:
    """Return what was found within so many seconds: of each node, and by the first that lets us in."""
    until = time.monotonic() + seconds
    brokers = [Broker(url) for url in settings.amqp.urls]
    publisher: Broker | None = None
    try:
        share = min(settings.amqp.connect_timeout, _CONNECT)
        visits = await asyncio.gather(*(_visit(one, share) for one in brokers))
        open_ones = [one for one, (is_open, _) in zip(brokers, visits, strict=True) if is_open]
        found = [_node(finding, some=bool(open_ones)) for _, finding in visits]
        if open_ones:
            # What is published may be held up by an alarm, with all else on its connection.
            publisher = Broker(open_ones[0].url)
            found += await _look(settings, known, open_ones[0], publisher, until - time.monotonic())
        return found
    finally:
        opened = [*brokers, *([publisher] if publisher else [])]
        await asyncio.gather(*(one.close() for one in opened))


async def _visit(broker: Broker, seconds: float) -> tuple[bool, Finding]:
    try:
        took = await broker.open(seconds)
    except (*FAULTS, ValueError) as error:  # ValueError: a query in the URL that the library cannot use
        found, advice = broker.why(error)
        return False, failed("node", found, advice, subject=broker.name)
    return True, timed(_server(broker), took)


def _server(broker: Broker) -> Finding:
    tls = "TLS" if broker.url.scheme == "amqps" else "no TLS"
    way = f"{tls}, user {broker.user}, virtual host {broker.vhost}"
    return server(broker.properties, way, subject=broker.name)


def server(told: Mapping[str, Any], way: str, *, subject: str) -> Finding:
    """Judge what a server told of itself (``product``, ``version``); ``way``: how it was reached."""
    product, version = told.get("product", "a server without a name"), str(told.get("version", "unknown"))
    found = f"{product} {version}, {way}"
    if product != "RabbitMQ":
        return warning("node", found, "the bridge is made for RabbitMQ", subject=subject)
    if _number(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return warning("node", found, f"have it upgraded: the bridge needs {oldest}", subject=subject)
    return ok("node", found, subject=subject)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:2])


def _node(finding: Finding, *, some: bool) -> Finding:
    """Return it as a warning where there is another node, which workers use instead."""
    if finding.state == "failed" and some:
        return warning(
            "node",
            finding.found,
            f"workers use the other nodes of amqp.url; {finding.advice}",
            subject=finding.subject,
        )
    return finding


async def _look(
    settings: Settings, known: Catalogue, broker: Broker, publisher: Broker, seconds: float
) -> list[Finding]:
    layout = topology(settings, known)
    events = sorted(
        {".".join(route.reply) for one in known.operations if one.replies for route in one.routes}
    )
    parts = list(layout.parts())
    looked = asyncio.Event()

    async def declarations() -> list[Finding]:
        try:
            found, kept = await broker_parts.declarations(broker, parts, may_declare=settings.amqp.declare)
            layout.limits.update(kept)
            return found
        finally:
            looked.set()

    async def depths() -> list[Finding]:
        await looked.wait()  # how much a queue holds is told by its declaration
        return await broker_queues.depths(broker, layout)

    tests: dict[str, Test] = {
        "round trip": lambda: _round_trip(broker),
        "declare": declarations,
        **({"bind": lambda: broker_parts.bindings(broker, parts)} if settings.amqp.declare else {}),
        "consume": lambda: broker_parts.consuming(broker, settings.amqp),
        "queue": depths,
        "publish": lambda: _publish(settings, publisher, events),
    }
    return await beside(tests, seconds, _AWAY, FAULTS)


async def _publish(settings: Settings, publisher: Broker, events: Sequence[str]) -> list[Finding]:
    await publisher.open(min(settings.amqp.connect_timeout, _CONNECT))
    return await broker_publishing.publishing(publisher, settings.amqp, events)


async def _round_trip(broker: Broker) -> list[Finding]:
    channel = await broker.channel()
    trips = await round_trips(lambda: channel.basic_qos(prefetch_count=1), _ROUND_TRIPS)
    told = ok("round trip", trips.found)
    if trips.median > _SLOW:
        advice = "a request needs several: run the bridge nearer to RabbitMQ"
        told = warning("round trip", trips.found, advice)
    return [timed(told, trips.median)]
