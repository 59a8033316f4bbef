"""Reading what came back. Pure: bytes and headers in, an envelope out, or an error of the client raised."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from bridge.client.errors import FAILURES, InvalidData, RequestFailed, UnreadableReply
from bridge.failures import Detail
from bridge.headers import CACHE, REPLAYED, STATUS
from bridge.jsontypes import JsonObject, JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that says success. `body` is the envelope ``{channel, topic, subtopic, message}``."""

    body: JsonObject
    headers: Mapping[str, Any]
    message_id: str
    correlation_id: str
    idempotency_key: str

    @property
    def message(self) -> JsonObject:
        """The envelope's ``message``."""
        return cast("JsonObject", self.body["message"])

    @property
    def response(self) -> JsonValue:
        """``message.response``; None where the operation has none."""
        return self.message.get("response")

    @property
    def cache(self) -> Literal["hit", "miss", "stale"] | None:
        """Whether the contact cache answered; stale: LCM is away. None where the cache can never answer."""
        return cast('Literal["hit", "miss", "stale"] | None', self.headers.get(CACHE))

    @property
    def replayed(self) -> bool:
        """Whether it is the stored reply of an earlier delivery."""
        return self.headers.get(REPLAYED) is True


def read_body(body: bytes, headers: Mapping[str, Any]) -> JsonObject:
    """Return the envelope of a success.

    Raises the class of the ``errorType`` of a failure, `RequestFailed` itself for one that is not known,
    and `UnreadableReply`.
    """
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:  # who else may write to the reply queue may write anything
        raise UnreadableReply(f"the reply is not JSON: {error}") from error
    if not isinstance(envelope, dict):
        raise UnreadableReply("the reply is no JSON object")
    message = envelope.get("message")
    if headers.get(STATUS) == "error":
        # A request whose operation cannot be told is answered by an event with `data`.
        told = message.get("response") if isinstance(message, dict) else envelope.get("data")
        raise _failure(told)
    if not isinstance(message, dict):
        raise UnreadableReply("the reply has no message")
    return envelope


def _failure(told: object) -> RequestFailed | UnreadableReply:
    if not isinstance(told, dict) or not isinstance(told.get("errorType"), str):
        return UnreadableReply("the reply says that the request failed, and not how")
    error_type = told["errorType"]
    retryable = told.get("retryable")
    failure = FAILURES.get(error_type, RequestFailed)(
        str(told.get("errorMessage", "")),
        msg=str(told.get("msg", "")),
        retryable=retryable if isinstance(retryable, bool) else None,
    )
    if error_type not in FAILURES:
        failure.error_type = error_type  # type: ignore[misc]  # of this one failure
    if isinstance(failure, InvalidData):
        failure.details = tuple(_details(told.get("details")))
    return failure


def _details(told: object) -> list[Detail]:
    listed = told if isinstance(told, list) else []
    return [
        Detail(str(one.get("field", "")), str(one.get("problem", "")))
        for one in listed
        if isinstance(one, dict)
    ]
