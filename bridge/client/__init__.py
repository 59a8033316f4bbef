"""A client of the bridge for services in Python: see docs/client.md."""

from bridge.client.call import CallOptions
from bridge.client.client import BridgeClient
from bridge.client.errors import (
    BridgeError,
    ClientClosed,
    ContactNotFound,
    ContactNotReserved,
    IdempotencyMismatch,
    InternalError,
    InvalidData,
    InvalidEnvelope,
    LcmBadResponse,
    LcmTimeout,
    LcmUnavailable,
    NoReply,
    NotPermitted,
    NotSent,
    OutcomeUnknown,
    RequestExpired,
    RequestFailed,
    UnknownOperation,
    UnreadableReply,
    Unroutable,
    WsError,
)
from bridge.client.operations import ContactOD, ManualDialContact, MoreOfContact
from bridge.client.replies import Reply

__all__ = [
    "BridgeClient",
    "BridgeError",
    "CallOptions",
    "ClientClosed",
    "ContactNotFound",
    "ContactNotReserved",
    "ContactOD",
    "IdempotencyMismatch",
    "InternalError",
    "InvalidData",
    "InvalidEnvelope",
    "LcmBadResponse",
    "LcmTimeout",
    "LcmUnavailable",
    "ManualDialContact",
    "MoreOfContact",
    "NoReply",
    "NotPermitted",
    "NotSent",
    "OutcomeUnknown",
    "Reply",
    "RequestExpired",
    "RequestFailed",
    "UnknownOperation",
    "UnreadableReply",
    "Unroutable",
    "WsError",
]
