"""What a call of the client raises: one class for each ``errorType``, and what the client itself finds out.

`docs/contract.md`, "Failures", says when the bridge answers which of them, and what to do.
"""

from typing import ClassVar, Final

from bridge import failures
from bridge.failures import Detail


class BridgeError(Exception):
    """A request that did not succeed; the text is for the developer.

    `retryable` means what it means in the contract: there was no effect, and the request may be sent again,
    with the same key or a new one. The ids are what the bridge's log and dead letters show; they are empty
    where nothing was published.
    """

    error_type: ClassVar[str]
    retryable: bool = False

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.message_id = ""
        self.correlation_id = ""
        self.idempotency_key = ""


class NotSent(BridgeError):
    """RabbitMQ did not take the request: no connection, a full queue, no permission, or no turn in time."""

    error_type = "NOT_SENT"
    retryable = True


class Unroutable(NotSent):
    """There is no bridge at the other end: no request exchange of this prefix, or no queue behind it."""

    error_type = "UNROUTABLE"


class NoReply(BridgeError):
    """The deadline passed after the request was published: it may or may not have been carried out.

    Asked again with the same `idempotency_key` it gets the stored reply, or is carried out for the first
    time. With another key it could be carried out twice.
    """

    error_type = "NO_REPLY"


class UnreadableReply(BridgeError):
    """What came back is not of the contract's form. The request was carried out, or refused: nobody knows."""

    error_type = "UNREADABLE_REPLY"


class ClientClosed(BridgeError):
    """The client was closed before there was a reply. `retryable` where nothing had been published."""

    error_type = "CLIENT_CLOSED"


class RequestFailed(BridgeError):
    """The bridge's answer is a failure; of this very class if its errorType is one of a later bridge.

    `text` is the reply's ``errorMessage``; `msg` is for the person at the desk.
    """

    error_type = "UNKNOWN_ERROR_TYPE"

    def __init__(self, text: str, *, msg: str = "", retryable: bool | None = None) -> None:
        super().__init__(text)
        self.msg = msg
        if retryable is not None:
            self.retryable = retryable

    def __init_subclass__(cls, *, of: type[failures.Failure] | None = None) -> None:
        super().__init_subclass__()
        if of is not None:  # a user's own class of them stands for no failure of the bridge's
            cls.error_type, cls.retryable = of.error_type, of.retryable


class InvalidEnvelope(RequestFailed, of=failures.InvalidEnvelope):
    """The body was no envelope, or a header cannot be."""


class UnknownOperation(RequestFailed, of=failures.UnknownOperation):
    """No operation has this channel, topic and subtopic; the text names the nearest."""


class InvalidData(RequestFailed, of=failures.InvalidData):
    """A field is missing or wrong; `details` names every such field."""

    details: tuple[Detail, ...] = ()


class NotPermitted(RequestFailed, of=failures.NotPermitted):
    """The broker user may not use this operation."""


class RequestExpired(RequestFailed, of=failures.RequestExpired):
    """The deadline passed before LCM was called."""


class IdempotencyMismatch(RequestFailed, of=failures.IdempotencyMismatch):
    """The key was used before, with other data."""


class ContactNotReserved(RequestFailed, of=failures.ContactNotReserved):
    """This agent has not fetched the contact, and the site lets only those be skipped."""


class ContactNotFound(RequestFailed, of=failures.ContactNotFound):
    """LCM has no contact for the request."""


class WsError(RequestFailed, of=failures.WsError):
    """LCM refused or faulted; its message is the text."""


class LcmUnavailable(RequestFailed, of=failures.LcmUnavailable):
    """LCM cannot be reached, or takes no calls now."""


class LcmTimeout(RequestFailed, of=failures.LcmTimeout):
    """LCM did not answer a read in time."""


class LcmBadResponse(RequestFailed, of=failures.LcmBadResponse):
    """LCM answered something that is not of the expected shape."""


class OutcomeUnknown(RequestFailed, of=failures.OutcomeUnknown):
    """A side effect was cut off after it was sent: a person has to find out whether it happened."""


class InternalError(RequestFailed, of=failures.InternalError):
    """A fault of the bridge, before anything had an effect."""


FAILURES: Final = {kind.error_type: kind for kind in RequestFailed.__subclasses__()}
"""The class of each ``errorType``."""
