"""Does the broker have everything as the settings say, and what follows where it does not.

A limit that differs is left as it is. Anything else that differs would break a promise: a worker that finds
it so when it starts takes no requests and is not ready, so that a rollout stops and the workers before it go
on. One that takes requests already goes on, for all the others would stop as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelClosed

from bridge.bus.connection import Channel, Connection
from bridge.bus.differences import Difference, compare, kind_of, limits
from bridge.bus.topology import Binding, Part, Queue, Topology, declare, look_for
from bridge.losses import cancellation_as_error

log = structlog.get_logger(__name__)


class Agreement:
    """What the broker has otherwise than the settings say; ``reached`` is set once nothing is in the way."""

    def __init__(self, topology: Topology) -> None:
        self.reached = asyncio.Event()
        self._topology = topology
        self._channel: Channel | None = None
        self._looked = False
        self._differences: dict[str, list[Difference]] = {}
        self._faults: dict[str, BaseException] = {}
        self._told: set[tuple[str, str, str]] = set()

    def missing(self) -> list[str]:
        """Return what is not as it must be for a worker to be ready."""
        if not self._looked:
            return ["exchanges and queues"]
        return [f"{one.kind} {one.name}: {one.found}" for one in self._all() if not one.kept]

    async def look(self, connection: Connection) -> None:
        """Declare everything, or with ``amqp.declare = false`` look whether it is there; tell what is wrong.

        What somebody deleted comes back by it.
        """
        self._faults = {}
        try:
            # Bindings last: a queue that is bound and not consumed would gather requests, or copies of those
            # that the workers before this one take from a queue of another name.
            for part in sorted(self._topology.parts(), key=lambda one: isinstance(one, Binding)):
                await self._settle(part, partial(self._ask, connection))
        except CONNECTION_EXCEPTIONS as error:
            self._channel = None
            self._faults["connection"] = error
        else:
            self._looked = True
            if not self.missing():
                self.reached.set()
            self._tell()
        if self._faults:
            first, *others = self._faults
            log.error(
                "topology.not_established",
                error=f"{type(self._faults[first]).__name__}: {self._faults[first]}",
                **({"others": others} if others else {}),
                next="tried again; if it lasts, lcm-bridge check says what to do",
            )

    def _all(self) -> list[Difference]:
        return [one for several in self._differences.values() for one in several]

    async def _settle(
        self,
        part: Part,
        ask: Callable[[Callable[[AbstractChannel], Awaitable[None]]], Awaitable[ChannelClosed | None]],
    ) -> None:
        if isinstance(part, Binding):
            if self._may_bind(part):
                refusal = await ask(partial(declare, part=part))
                if refusal is not None:
                    self._faults[f"binding of {part.queue}"] = refusal
            return
        thing = f"{kind_of(part)} {part.name}"
        if not self._topology.settings.declare:
            refusal = await ask(partial(look_for, part=part))
        else:
            kept = [one for one in self._differences.get(thing, []) if one.kept]
            found, refusal = await compare(part, ask, kept)
            self._differences[thing] = found
            if isinstance(part, Queue):
                self._topology.limits.pop(part.name, None)
                if kept_now := limits(found):
                    self._topology.limits[part.name] = kept_now
        if refusal is not None and _usable(self._differences.get(thing, [])):
            self._faults[thing] = refusal

    def _may_bind(self, binding: Binding) -> bool:
        """Tell whether a queue is to be bound: not somebody else's, nor to somebody else's exchange."""
        if not self._topology.settings.declare:
            return False  # of bindings the broker tells nothing
        ends = {f"queue {binding.queue}", f"exchange {binding.exchange}"}
        strangers = {thing for thing, found in self._differences.items() if not _usable(found)}
        if strangers and not self.reached.is_set():
            return False
        return not ends & (strangers | self._faults.keys())

    async def _ask(
        self, connection: Connection, method: Callable[[AbstractChannel], Awaitable[None]]
    ) -> ChannelClosed | None:
        """Return the refusal, with which the broker closes a channel, or None."""
        with cancellation_as_error():
            if self._channel is None or self._channel.lost.is_set():
                self._channel = await connection.channel(confirms=False)
            try:
                await method(self._channel.amqp)
            except ChannelClosed as refusal:
                self._channel = None
                return refusal
            return None

    def _tell(self) -> None:
        """Tell once of each difference, of those that are alike in one line."""
        now = {(one.kind, one.name, one.found) for one in self._all()}
        alike: dict[tuple[str, str, bool], list[Difference]] = {}
        for one in self._all():
            if (one.kind, one.name, one.found) not in self._told:
                alike.setdefault((one.kind, one.found, one.kept), []).append(one)
        for several in alike.values():
            self._tell_of(several)
        if self._told and not now:
            log.info("topology.as_set")
        self._told = now

    def _tell_of(self, alike: list[Difference]) -> None:
        one = alike[0]
        said = {
            f"{one.kind}s": [each.name for each in alike],
            "argument": one.argument,
            "there": one.there,
            "wanted": one.wanted,
            "error": one.found,
        }
        if one.kept:
            log.warning("topology.limit_kept", **said, next=one.advice)
            return
        state = (
            "requests are taken all the same, since they were before, but this worker is not ready"
            if self.reached.is_set()
            else "this worker takes no requests and is not ready until it is put right"
        )
        log.error("topology.declared_otherwise", **said, next=f"{state}: {one.advice}")


def _usable(differences: Iterable[Difference]) -> bool:
    return all(one.kept for one in differences)
