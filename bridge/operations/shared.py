"""An address that more than one operation may have: which one is meant is told by the members of ``data``."""

from collections.abc import Sequence

from bridge.envelope import Envelope
from bridge.failures import Detail, InvalidData
from bridge.jsontypes import JsonValue
from bridge.operations.model import Answer, Command, Contact, Operation, Route, Telling

Owner = tuple[Operation, Route]


class Shared:
    """The operations of one address, the first that ``data`` is told by wins.

    Their order is that of the catalogue, so turning one on changes nothing for data that was told before.
    """

    def __init__(self, owners: Sequence[Owner]) -> None:
        self._told: list[tuple[frozenset[str], int, Owner]] = []
        for operation, route in owners:
            if route.told_by is not None:
                self._told.append((*_folded(route.told_by), (operation, route)))
        first, route = owners[0]
        self._nobodys: Owner = owners[0]
        if len(owners) > 1:
            told = "; ".join(
                f"{one.name} by {_either(place.told_by)}"
                for one, place in owners
                if place.told_by is not None
            )
            self._nobodys = Refusing(first, f"fits none of the operations under this subtopic: {told}"), route
        elif route.refuses is not None:
            self._told.append((*_folded(route.refuses), (Refusing(first, route.because), route)))

    def find(self, envelope: Envelope) -> Owner:
        """Return whose request it is; one that is nobody's is refused in the name of the first."""
        names = {key.casefold() for key in envelope.data or ()}
        for members, least, owner in self._told:
            if len(members & names) >= least:
                return owner
        return self._nobodys


class Refusing(Operation):
    """Stands for an operation whose data this is not."""

    def __init__(self, operation: Operation, problem: str) -> None:
        self._problem = problem
        self.name = operation.name
        self.lane = operation.lane
        self.routes = operation.routes
        self.method = operation.method
        self.replies = operation.replies

    def translate(self, envelope: Envelope) -> Command:
        """Refuse it."""
        problem = "must be an object" if envelope.data is None else self._problem
        raise InvalidData([Detail("data", problem)])

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Never come here: nothing is translated."""
        raise NotImplementedError(self.name)

    def answer_cached(self, contacts: Sequence[Contact]) -> Answer:
        """Never come here: nothing is translated."""
        raise NotImplementedError(self.name)


def _folded(telling: Telling) -> tuple[frozenset[str], int]:
    return frozenset(member.casefold() for member in telling.members), telling.least


def _either(telling: Telling) -> str:
    names = ", ".join(telling.members)
    return f"{telling.least} of {names}" if len(telling.members) > 1 else names
