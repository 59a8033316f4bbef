"""Every operation that a bridge knows: the contract's, and those that its site has turned on or added."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from bridge.envelope import Envelope
from bridge.failures import UnknownOperation
from bridge.operations.declared.conflicts import conflicts
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import BadDeclaration, Declaration
from bridge.operations.model import Address, Lane, Operation, Route, Rules
from bridge.operations.shared import Shared
from bridge.operations.shipped import built_in, siblings

OPERATIONS: Final[tuple[Declaration, ...]] = built_in()
"""The operations of the contract."""

_LONGEST_NAME = 128

_Key = tuple[str, str, str]


class Catalogue:
    """Finds the operation of an envelope by channel, topic and subtopic.

    Raises `BadDeclaration` for declarations that do not go together.
    """

    def __init__(self, rules: Rules, declarations: Iterable[Declaration] = OPERATIONS) -> None:
        declared = tuple(declarations)
        if faults := conflicts(declared):
            raise BadDeclaration(faults)
        self.operations: Sequence[Declared] = [Declared(one, rules) for one in declared]
        places: dict[_Key, list[tuple[Operation, Route]]] = {}
        for operation in self.operations:
            for route in operation.routes:
                places.setdefault(_normal(*route.request), []).append((operation, route))
        self._places = frozenset(places)
        self._by_address = {key: owners[0] for key, owners in places.items() if owners[0][1].told_by is None}
        self._shared = {key: Shared(owners) for key, owners in places.items() if key not in self._by_address}
        self._known = {
            str(route.request).casefold(): str(route.request)
            for operation in self.operations
            for route in operation.routes
        }

    def find(self, envelope: Envelope) -> tuple[Operation, Route]:
        """Return the operation and the route that the request came by.

        Values are trimmed and matched without regard to case; where operations share an address, ``data``
        tells which is meant. Raises `UnknownOperation`, which names the nearest known one, or the sibling
        that is off.
        """
        key = _normal(envelope.channel, envelope.topic, envelope.subtopic)
        found = self._by_address.get(key)
        if found is not None:
            return found
        shared = self._shared.get(key)
        if shared is not None:
            return shared.find(envelope)
        wanted = Address(envelope.channel, envelope.topic, envelope.subtopic)
        raise UnknownOperation(self._suggestion(wanted))

    @cached_property
    def off(self) -> Mapping[str, str]:
        """The addresses of siblings that are off, and the names of these.

        Read when it is first asked for: a bridge whose publishers make no mistake never needs it.
        """
        return {
            "/".join(address): one.name
            for one in siblings()
            for route in one.form.routes
            if _normal(*(address := (route.channel, route.topic, route.subtopic))) not in self._places
        }

    def methods(self) -> dict[str, str]:
        """Return LCM's method of each operation that has one."""
        return {operation.name: operation.method for operation in self.operations if operation.calls_lcm}

    def subtopics(self, lane: Lane) -> list[str]:
        """Return the request subtopics of one lane, as a routing key spells them."""
        return sorted(
            {
                route.request.subtopic
                for operation in self.operations
                if operation.lane == lane
                for route in operation.routes
            }
        )

    def _suggestion(self, wanted: Address) -> str:
        if any(len(part) > _LONGEST_NAME for part in wanted):
            return "no operation has a channel, topic or subtopic of this length"
        text = str(Address(*(part.strip() for part in wanted)))
        off = {address.casefold(): name for address, name in self.off.items()}
        if name := off.get(text.casefold()):
            return (
                f"{text!a} is {name}, which comes with the bridge and is off here;"
                " the site's operators turn it on (operations.siblings)"
            )
        nearest = difflib.get_close_matches(text.casefold(), self._known, n=1, cutoff=0)[0]
        return f"{text!a} is no known channel/topic/subtopic; the nearest one is {self._known[nearest]}"


def _normal(channel: str, topic: str, subtopic: str) -> _Key:
    return channel.strip().casefold(), topic.strip().casefold(), subtopic.strip().casefold()
