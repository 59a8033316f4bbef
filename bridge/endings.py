"""How a side effect ended, in the form in which it is stored and told again. Pure."""

from dataclasses import dataclass
from typing import Final, Self

import orjson

from bridge import failures
from bridge.failures import Failure
from bridge.jsontypes import JsonObject

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
            value = orjson.loads(stored)
            if isinstance(message := value.get("message"), dict):
                return cls(message)
            failure = value["failure"]
            kind = _STORED[failure["errorType"]]
            return cls(kind(str(failure["errorMessage"]), msg=str(failure["msg"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableEnding("the stored ending is not readable") from error
