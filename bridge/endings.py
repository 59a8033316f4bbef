"""How a side effect ended, in the form in which it is stored and told again. Pure."""

from dataclasses import dataclass
from typing import Final, Self

import orjson

from bridge import failures
from bridge.failures import Failure
from bridge.jsontypes import JsonObject, deeper_than

_STORED: Final[dict[str, type[Failure]]] = {
    kind.error_type: kind
    for kind in (
        failures.ContactNotFound,
        failures.ContactNotReserved,
        failures.InternalError,
        failures.LcmUnavailable,
        failures.OutcomeUnknown,
        failures.RequestExpired,
        failures.WsError,
    )
}


_DEEPEST: Final = 128
"""Levels of nesting: more than LCM's answers have, and fewer than JSON's writer takes."""


_UNREADABLE: Final = "the stored ending is not readable"


class UnreadableEnding(ValueError):
    """What is stored is no ending that this version knows."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The ``message`` of a reply that says success, or the failure."""

    end: JsonObject | Failure

    def dump(self) -> bytes:
        """Return it as JSON: ``{"message": {...}}`` or ``{"failure": {"errorType", "errorMessage", "msg"}}``.

        Raises ValueError for a failure that is not to be stored.
        """
        if not isinstance(self.end, Failure):
            return orjson.dumps({"message": self.end})
        if self.end.error_type not in _STORED:
            raise ValueError(f"{self.end.error_type} is never stored")
        failure = {
            "errorType": self.end.error_type,
            "errorMessage": self.end.message,
            "msg": self.end.msg,
        }
        return orjson.dumps({"failure": failure})

    @classmethod
    def load(cls, stored: bytes | str) -> Self:
        """Read what `dump` wrote. Raises `UnreadableEnding`."""
        try:
            [(what, told)] = orjson.loads(stored).items()
            if what == "failure":
                kind, message, msg = _STORED[told["errorType"]], told["errorMessage"], told["msg"]
                if isinstance(message, str) and isinstance(msg, str):
                    return cls(kind(message, msg=msg))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableEnding(_UNREADABLE) from error
        if (
            what != "message"
            or not isinstance(told, dict)
            or "response" not in told  # each reply has one, so this is none
            or deeper_than(told, _DEEPEST)
        ):
            raise UnreadableEnding(_UNREADABLE)
        return cls(told)
