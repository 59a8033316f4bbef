"""What is declared on the broker otherwise than the settings say: which argument, and what to do about it.

RabbitMQ tells one argument at a time, in the text with which it refuses a declaration
(``rabbit_misc:assert_args_equivalence``, the same in 3.10 and 4.0), and cuts that text off at 255 bytes.
Nothing but a limit can be left as it is: with one, no request is lost and no side effect happens twice.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelClosed,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from bridge.bus.topology import Exchange, Limits, Part, Queue, declare, look_for, with_limits

PAGE: Final = "docs/upgrading.md"
"""Where each way to change what is declared is described."""

_TOLD: Final = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)'"
    r"(?: for (?:exchange|queue) '.*' in vhost '.*': received .* but current is (?P<there>.+))?",
    re.DOTALL,
)
_VALUE: Final = re.compile(r"the value '(?P<typed>.*)' of type '\w+'|'(?P<value>.*)'", re.DOTALL)

_SETTINGS: Final = {
    "x-max-length": "amqp.max_length",
    "x-delivery-limit": "amqp.delivery_limit",
    "x-dead-letter-exchange": "amqp.dead_letters_exchange",
    "alternate-exchange": "amqp.unrouted_exchange",
}

_LENGTHS: Final = ("x-max-length", "x-max-length-bytes")

_LEAST_DELIVERIES: Final = 20
"""The least delivery limit of a queue that dead-letters, and RabbitMQ 4's own: below it, restarts of workers
use it up."""

_LEAST_READS: Final = 1_000
"""The least delivery limit of the dead letters, which are dropped when they were read so often."""

_MOST_TRIES: Final = 8
"""Declarations of one part in a row: each limit once, and once more where it changes meanwhile."""

NONE: Final = "none"
"""How the broker calls an argument that is not there."""

UNKNOWN: Final = "something else"
"""What stands for a value that did not fit into the broker's text."""

Ask = Callable[[Callable[[AbstractChannel], Awaitable[None]]], Awaitable[ChannelClosed | None]]
"""Runs a method on a channel and returns the refusal with which the broker closed it, None for none."""


class Difference(NamedTuple):
    """An argument that the broker has otherwise; values as text, ``none`` for one that is not there.

    ``kept`` is whether the part can be used as it is.
    """

    part: Exchange | Queue
    argument: str
    there: str
    wanted: str
    kept: bool

    @property
    def kind(self) -> str:
        """Return what it is: an exchange or a queue."""
        return kind_of(self.part)

    @property
    def name(self) -> str:
        """Return the name of what differs; an exchange and a queue can have the same."""
        return self.part.name

    @property
    def setting(self) -> str:
        """Return the setting that says what is wanted; empty: none does."""
        return "" if self.wanted in ("", NONE) else _SETTINGS.get(self.argument, "")

    @property
    def found(self) -> str:
        """Say what differs, without the name of what it differs in."""
        says = f"{self.setting} says" if self.setting else "the bridge needs"
        there, wanted = self.there or "empty", self.wanted or "empty"
        return f"{self.argument} is {there} on the broker, and {says} {wanted}"

    @property
    def advice(self) -> str:
        """Say what a person can do about it."""
        known = self.there not in ("", NONE, UNKNOWN)
        back = f"set {self.setting} to {self.there}" if self.setting and known else ""
        if self.kept:
            return (
                f"the {self.kind} is used as it is; to change it see {PAGE}{f', or {back}' if back else ''}"
            )
        lost = "what is bound to it" if self.kind == "exchange" else "what waits in it"
        return (
            f"{f'{back}, or ' if back else ''}replace this {self.kind} or choose another name, as {PAGE} "
            f"says: whoever deletes it loses {lost}"
        )


def kind_of(part: Exchange | Queue) -> str:
    """Return how a part is called: exchange or queue."""
    return "exchange" if isinstance(part, Exchange) else "queue"


def read(refusal: BaseException, part: Part) -> Difference | None:
    """Read what differs from a refusal to declare a part; None if it was refused for another reason."""
    if not isinstance(part, Exchange | Queue):
        return None
    if isinstance(refusal, ChannelLockedResource):
        return Difference(part, "exclusive", "true", "false", kept=False)
    if not isinstance(refusal, ChannelPreconditionFailed) or (told := _TOLD.search(str(refusal))) is None:
        return None
    argument, there = told["argument"], UNKNOWN
    if told["there"] is not None:
        value = _VALUE.fullmatch(told["there"])
        there = value[value.lastgroup or 0] if value else told["there"]
    return Difference(part, argument, there, _wanted(part, argument), kept=_harmless(part, argument, there))


def _wanted(part: Exchange | Queue, argument: str) -> str:
    arguments: Mapping[str, object] = part.arguments or {}
    if isinstance(part, Exchange) and argument == "type":
        return part.kind
    if argument.startswith("x-") or argument in arguments:
        return str(arguments.get(argument, NONE))
    return "true" if argument == "durable" else "false"


def _harmless(part: Exchange | Queue, argument: str, there: str) -> bool:
    """Tell whether the part keeps every promise with the argument as the broker has it.

    A longest length, where a full queue refuses: whoever publishes is told. A delivery limit, where what
    exceeds it is dead-lettered at least once, or is so high that no letter is ever read so often.
    """
    if isinstance(part, Exchange):
        return False
    unlimited, number = there == NONE, int(there) if there.isascii() and there.isdigit() else -1
    refuses = part.arguments.get("x-overflow") == "reject-publish"
    dead_letters = part.arguments.get("x-dead-letter-strategy") == "at-least-once"
    if argument in _LENGTHS:
        return refuses and (unlimited or number > 0)
    if argument == "x-delivery-limit":
        least = _LEAST_DELIVERIES if dead_letters else _LEAST_READS
        return (dead_letters and unlimited) or number >= min(least, part.arguments[argument])
    return False


def is_difference(error: BaseException) -> bool:
    """Tell whether a declaration was refused because the broker has the thing otherwise."""
    return isinstance(error, ChannelLockedResource) or (
        isinstance(error, ChannelPreconditionFailed) and _TOLD.search(str(error)) is not None
    )


def limits(differences: Iterable[Difference]) -> Limits:
    """Return those that are kept, as `bridge.bus.topology.Topology.limits` has them."""
    return {one.argument: None if one.there == NONE else int(one.there) for one in differences if one.kept}


async def compare(
    part: Part, ask: Ask, known: Sequence[Difference] = ()
) -> tuple[list[Difference], ChannelClosed | None]:
    """Declare a part, with limits that the broker has otherwise as it has them.

    ``known`` are those that were kept the last time. Return what differs, and the last refusal: that of a
    difference which is not to be kept, or for another reason. None: the part is there. A part that was
    deleted is made as the settings say.
    """
    found = {one.argument: one for one in known}
    if found and isinstance(await ask(partial(look_for, part=part)), ChannelNotFoundEntity):
        found = {}
    refusal: ChannelClosed | None = None
    for _ in range(_MOST_TRIES):
        now = with_limits(part, limits(found.values())) if isinstance(part, Queue) else part
        refusal = await ask(partial(declare, part=now))
        if refusal is None or (differs := read(refusal, part)) is None:
            break
        if differs.there == differs.wanted:
            found.pop(differs.argument, None)
            continue
        found[differs.argument] = differs
        if not differs.kept:
            break
    return list(found.values()), refusal
