"""What must hold between declarations: each name and address is one operation's."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from bridge.operations.declared.reading import Declaration

if TYPE_CHECKING:
    from bridge.operations.declared.forms import RouteForm

MOST_OPERATIONS: Final = 200
"""Operations of one bridge: each is a value of a label, and so dozens of time series of every worker."""


def conflicts(declarations: Sequence[Declaration]) -> list[str]:
    """Return what does not go together, with the files of both."""
    faults = list(_names(declarations))
    faults += _addresses(declarations)
    if len(declarations) > MOST_OPERATIONS:
        faults.append(
            f"there are {len(declarations)} operations; at most {MOST_OPERATIONS}: each has time series"
        )
    return faults


def _names(declarations: Sequence[Declaration]) -> Iterator[str]:
    first: dict[str, Declaration] = {}
    for one in declarations:
        other = first.setdefault(one.name.casefold(), one)
        if other is not one:
            yield f"{one.file}: name: {one.name} is the name of {other.file} already"


def _addresses(declarations: Sequence[Declaration]) -> Iterator[str]:
    first: dict[tuple[str, str, str], tuple[Declaration, RouteForm]] = {}
    queues: dict[str, Declaration] = {}
    for one in declarations:
        for number, route in enumerate(one.form.routes):
            path = f"{one.file}: routes[{number}]"
            key = (route.channel.casefold(), route.topic.casefold(), route.subtopic.casefold())
            other, place = first.setdefault(key, (one, route))
            if other is not one and (place.told_by is None or route.told_by is None):
                yield (
                    f"{path}: {route.channel}/{route.topic}/{route.subtopic} is an address of {other.file}"
                    " already; to share it, both need told_by"
                )
            bound = queues.setdefault(route.subtopic.casefold(), one)
            if bound.lane != one.lane:
                yield (
                    f"{path}.subtopic: {route.subtopic} is bound to the {bound.lane} queue by {bound.file},"
                    f" and to the {one.lane} queue by this: a request would come twice"
                )
