"""Every operation that the bridge knows. A new one is one module and one line here."""

import difflib
from collections.abc import Iterable, Sequence

from bridge.envelope import Envelope
from bridge.failures import UnknownOperation
from bridge.operations.create_contact import CreateContact
from bridge.operations.get_reserved_contact_od import GetReservedContactOD
from bridge.operations.get_reserved_manual_dial_contact import GetReservedManualDialContact
from bridge.operations.manual_dial_call import ManualDialCall
from bridge.operations.model import Address, Lane, Operation, Route, Rules
from bridge.operations.skip_manual_dial_contact import SkipManualDialContact

OPERATIONS: tuple[type[Operation], ...] = (
    GetReservedManualDialContact,
    GetReservedContactOD,
    SkipManualDialContact,
    ManualDialCall,
    CreateContact,
)

_LONGEST_NAME = 128


class Catalogue:
    """Finds the operation of an envelope by channel, topic and subtopic."""

    def __init__(self, rules: Rules, operations: Iterable[type[Operation]] = OPERATIONS) -> None:
        self.operations: Sequence[Operation] = [operation(rules) for operation in operations]
        self._by_address: dict[tuple[str, str, str], tuple[Operation, Route]] = {
            _normal(*route.request): (operation, route)
            for operation in self.operations
            for route in operation.routes
        }

    def find(self, envelope: Envelope) -> tuple[Operation, Route]:
        """Return the operation and the route that the request came by.

        Values are trimmed and matched without regard to case. Raises `UnknownOperation`, which
        names the nearest known one.
        """
        found = self._by_address.get(_normal(envelope.channel, envelope.topic, envelope.subtopic))
        if found is None:
            wanted = Address(envelope.channel, envelope.topic, envelope.subtopic)
            raise UnknownOperation(self._suggestion(wanted))
        return found

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
        known = {str(route.request).casefold(): str(route.request) for _, route in self._by_address.values()}
        nearest = difflib.get_close_matches(text.casefold(), known, n=1, cutoff=0)[0]
        return f"{text!a} is no known channel/topic/subtopic; the nearest one is {known[nearest]}"


def _normal(channel: str, topic: str, subtopic: str) -> tuple[str, str, str]:
    return channel.strip().casefold(), topic.strip().casefold(), subtopic.strip().casefold()
