"""The checks of ``lcm-bridge check``, asked one dependency at a time: starting the command costs a second."""

from collections.abc import Sequence
from typing import Any

from aio_pika.abc import AbstractChannel

from bridge.app import topology
from bridge.bus.topology import Topology, declare
from bridge.cli.check import rabbitmq
from bridge.cli.check.finding import Finding
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules
from bridge.settings import Settings

NOWHERE = {
    "amqp": {"url": "amqp://guest:guest@127.0.0.1:1/"},
    "redis": {"url": "redis://127.0.0.1:1/0"},
    "lcm": {"base_url": "http://127.0.0.1:1/lcm"},
}
SECONDS = 8.0
CATALOGUE = Catalogue(Rules())


def settings(**groups: dict[str, Any]) -> Settings:
    """Return settings with nothing there but what is given."""
    return Settings.model_validate(
        {name: NOWHERE.get(name, {}) | groups.get(name, {}) for name in NOWHERE | groups}
    )


async def declare_all(channel: AbstractChannel, layout: Topology) -> None:
    """Declare what a worker would."""
    amqp = await channel.get_underlay_channel()
    for part in layout.parts():
        await declare(amqp, part)


def states(findings: Sequence[Finding], state: str) -> set[tuple[str, str]]:
    """Return the checks in a state, each with its subject."""
    return {(one.check, one.subject) for one in findings if one.state == state}


def the(findings: Sequence[Finding], check: str, subject: str = "") -> Finding:
    """Return the one finding of a check and, if one is given, a subject."""
    [found] = [one for one in findings if one.check == check and subject in (one.subject, "")]
    return found


async def look_at_rabbitmq(url: str, **amqp: Any) -> list[Finding]:
    """Run the check of RabbitMQ."""
    found = await rabbitmq.check(settings(amqp={"url": url, **amqp}), CATALOGUE, SECONDS)
    # On a busy machine round trips may be slow, which is warned of.
    return [one for one in found if (one.check, one.state) != ("round trip", "warning")]


def layout(prefix: str, **amqp: Any) -> Topology:
    """Return what a worker declares."""
    return topology(settings(amqp={"prefix": prefix, **amqp}), CATALOGUE)


async def declare_layout(channel: AbstractChannel, prefix: str) -> Topology:
    """Declare what a worker declares under a prefix."""
    declared = layout(prefix)
    await declare_all(channel, declared)
    return declared
