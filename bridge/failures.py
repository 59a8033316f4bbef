"""Every way in which a request can fail, as the requester is told of it.

One class per ``errorType``. ``errorMessage`` (the exception's text) is for the developer of the
publishing service, ``msg`` for the person at the desk. Neither ever holds a stack trace, a host
or a credential.
"""

from typing import ClassVar, Final, NamedTuple

LONGEST_MESSAGE: Final = 2000
"""Characters of an ``errorMessage``."""
LONGEST_MSG: Final = 500
"""Characters of a ``msg``."""


class Detail(NamedTuple):
    """One thing that is wrong with one field, e.g. ``("data.AgentID", "is missing")``."""

    field: str
    problem: str


class Failure(Exception):
    """A request that ends without success.

    ``retryable`` means: there was no effect, and the same request may be sent again.
    """

    error_type: ClassVar[str]
    retryable: ClassVar[bool] = False
    default_msg: ClassVar[str]

    def __init__(self, message: str, *, msg: str | None = None) -> None:
        # LCM's own texts end up here, and it may say anything at any length.
        self.message = message[:LONGEST_MESSAGE]
        self.msg = (msg or self.default_msg)[:LONGEST_MSG]
        super().__init__(self.message)


class InvalidEnvelope(Failure):
    """The body is not an envelope: not UTF-8, not JSON, too large, too deep, ambiguous.

    ``channel`` is the request's own where it could be told, since the error event carries it.
    """

    error_type = "INVALID_ENVELOPE"
    default_msg = "The request could not be read."

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.channel: str | None = None


class UnknownOperation(Failure):
    """No operation has this channel, topic and subtopic."""

    error_type = "UNKNOWN_OPERATION"
    default_msg = "This function is not available."


class InvalidData(Failure):
    """A field is missing or wrong. ``details`` names every such field at once."""

    error_type = "INVALID_DATA"
    default_msg = "The request is incomplete or holds a wrong value."

    def __init__(self, details: list[Detail], message: str | None = None) -> None:
        super().__init__(message or "; ".join(f"{field} {problem}" for field, problem in details))
        self.details = details


class NotPermitted(Failure):
    """The broker-validated user may not use this operation."""

    error_type = "NOT_PERMITTED"
    default_msg = "You are not permitted to do this."


class RequestExpired(Failure):
    """The request's deadline passed before LCM was called."""

    error_type = "REQUEST_EXPIRED"
    retryable = True
    default_msg = "The request took too long. Please try again."


class IdempotencyMismatch(Failure):
    """The key was used before, for a request with other content."""

    error_type = "IDEMPOTENCY_MISMATCH"
    default_msg = "The request contradicts an earlier one. Please report this."


class ContactNotReserved(Failure):
    """A skip of a contact that this agent has not fetched, where ``contacts.require_fetched`` enforces it."""

    error_type = "CONTACT_NOT_RESERVED"
    default_msg = "This contact is not reserved for you."


class ContactNotFound(Failure):
    """LCM has no contact for the request."""

    error_type = "CONTACT_NOT_FOUND"
    default_msg = "Contact not found"


class WsError(Failure):
    """LCM refused the call or faulted; LCM's own message is the text."""

    error_type = "WS_Error"
    default_msg = "The campaign system refused the request."


class LcmUnavailable(Failure):
    """LCM could not be reached, or says that it takes no calls now."""

    error_type = "LCM_UNAVAILABLE"
    retryable = True
    default_msg = "The campaign system is not available. Please try again."


class LcmTimeout(Failure):
    """LCM did not answer a read in time."""

    error_type = "LCM_TIMEOUT"
    retryable = True
    default_msg = "The campaign system did not answer in time. Please try again."


class LcmBadResponse(Failure):
    """LCM answered something that is not JSON or not of the expected shape."""

    error_type = "LCM_BAD_RESPONSE"
    default_msg = "The campaign system gave an answer that cannot be used."


class OutcomeUnknown(Failure):
    """A side effect was cut off after it was sent: it may or may not have happened."""

    error_type = "OUTCOME_UNKNOWN"
    default_msg = "It is not known whether this was done. Please check before you try again."


class InternalError(Failure):
    """A fault of the bridge itself, before anything had an effect."""

    error_type = "INTERNAL_ERROR"
    retryable = True
    default_msg = "An internal error occurred. Please try again."


ERROR_TYPES: Final = tuple(kind.error_type for kind in Failure.__subclasses__())
"""Every ``errorType``."""
