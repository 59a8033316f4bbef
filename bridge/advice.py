"""What each failure means to whoever sent the request, and whether it may be sent again.

The one place of it: docs/contract.md and the AsyncAPI document say what stands here.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from bridge import failures
from bridge.failures import Failure

Again = Literal["as it is", "once changed", "to ask", "no"]
"""Whether the request may be sent again: as it is, with what is wrong put right, only to learn what became of
it, or not at all."""

Key = Literal["same or new", "same", "new"]
"""With which key it may be sent again."""


class Advice(NamedTuple):
    """What happened, what the requester does, whether the request may be sent again, and with which key."""

    happened: str
    action: str
    again: Again
    key: Key | None


ADVICE: Final[Mapping[type[Failure], Advice]] = {
    failures.InvalidEnvelope: Advice(
        "not UTF-8, not JSON (the message says line, column and what stands there), not an object, too"
        " large, nested too deep, ambiguous keys, or a property or header that cannot be",
        "correct the publisher",
        "once changed",
        "same or new",
    ),
    failures.UnknownOperation: Advice(
        "no such channel/topic/subtopic: the nearest known one is named, or the operation that is off here",
        "correct the publisher",
        "once changed",
        "same or new",
    ),
    failures.InvalidData: Advice(
        "a field is missing or wrong; `details` names them all",
        "correct the publisher",
        "once changed",
        "same or new",
    ),
    failures.NotPermitted: Advice(
        "the broker user may not use this operation, or `user_id` was not set",
        "set `user_id`, or ask the site's operators",
        "once changed",
        "same or new",
    ),
    failures.RequestExpired: Advice(
        "the deadline passed before LCM was called",
        "send again, if it is still wanted",
        "as it is",
        "same or new",
    ),
    failures.IdempotencyMismatch: Advice(
        "the key was used before, with other data",
        "correct the publisher: a new request needs a new key",
        "once changed",
        "new",
    ),
    failures.ContactNotReserved: Advice(
        "the site lets an agent skip only what the agent fetched",
        "fetch the contact first",
        "once changed",
        "new",
    ),
    failures.ContactNotFound: Advice(
        "LCM has no contact for it",
        "tell the agent",
        "once changed",
        "new",
    ),
    failures.WsError: Advice(
        "LCM refused or faulted; its message is in `errorMessage`",
        "read the message",
        "once changed",
        "new",
    ),
    failures.LcmUnavailable: Advice(
        "LCM cannot be reached, takes no calls now, or keeps failing so that it is not called for some"
        " seconds (circuit breaker)",
        "send again later",
        "as it is",
        "same or new",
    ),
    failures.LcmTimeout: Advice(
        "LCM did not answer a read in time",
        "send again later",
        "as it is",
        "same or new",
    ),
    failures.LcmBadResponse: Advice(
        "LCM answered a read with something that is not of the expected shape",
        "tell the site's operators",
        "no",
        None,
    ),
    failures.OutcomeUnknown: Advice(
        "a side effect was cut off after it was sent: it may or may not have happened. The request is"
        " dead-lettered too, for a person to look at",
        "do not send it again blindly: with the same key you are told the same until a person has found"
        " out, and then what happened; with a new key it may happen twice",
        "to ask",
        "same",
    ),
    failures.InternalError: Advice(
        "a fault of the bridge",
        "send again; tell the site's operators",
        "as it is",
        "same or new",
    ),
}
"""For each failure, in the order of the contract."""
