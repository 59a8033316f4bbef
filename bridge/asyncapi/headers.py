"""AMQP properties and headers of requests, replies and dead letters, as JSON schemas.

AsyncAPI knows headers alone, so the basic properties stand among them, marked by ``x-amqp-property``.
"""

from collections.abc import Iterable

from bridge import headers
from bridge.failures import ERROR_TYPES
from bridge.jsontypes import JsonObject, JsonValue
from bridge.messages import LONGEST_KEY, Reason
from bridge.replies import APP_ID

REPLY_TO, CORRELATION_ID = "$message.header#/replyTo", "$message.header#/correlationId"
"""Where the reply's address and what correlates it stand in a request."""


def schemas() -> JsonObject:
    """Return the schema of each kind of message's headers, by its name."""
    return {
        "RequestHeaders": _object(_REQUEST),
        "ReplyHeaders": _object(_REPLY, required=("correlationId", headers.STATUS, headers.VERSION)),
        "SuccessHeaders": _kind("ok"),
        "FailureHeaders": _kind("error", required=[headers.ERROR_TYPE]),
        "DeadLetterHeaders": _object(_DEAD_LETTER, required=(headers.REASON,)),
    }


def _object(properties: JsonObject, required: Iterable[str] = ()) -> JsonObject:
    schema: JsonObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def _kind(status: str, required: list[JsonValue] | None = None) -> JsonObject:
    said: JsonObject = {"type": "object", "properties": {headers.STATUS: {"const": status}}}
    if required:
        said["required"] = required
    return {"type": "object", "allOf": [{"$ref": "#/components/schemas/ReplyHeaders"}, said]}


def _property(name: str, schema: JsonObject, about: str) -> JsonObject:
    return {**schema, "description": about, "x-amqp-property": name}


_STRING: JsonObject = {"type": "string"}

_TRACE: JsonObject = {
    "traceparent": {
        "type": "string",
        "description": "W3C trace context. One that is malformed is as good as none.",
    },
    "tracestate": {"type": "string", "description": "Goes with `traceparent`."},
}

_REQUEST: JsonObject = {
    "replyTo": _property(
        "reply_to",
        {"type": "string", "maxLength": 255},
        "The queue that gets the reply; `amq.rabbitmq.reply-to` works. Without it a success becomes an"
        " event and a failure a dead letter.",
    ),
    "correlationId": _property(
        "correlation_id", _STRING, "Comes back in the reply; without one, your `message_id` does."
    ),
    "messageId": _property(
        "message_id", _STRING, "A fresh one for each request, the same for a repetition of it."
    ),
    headers.IDEMPOTENCY_KEY: {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        "description": "Says: this is the same request. A side effect happens at most once per key."
        " Without this header the key is `message_id`, else `reply_to` with `correlation_id`.",
    },
    "expiration": _property(
        "expiration",
        {"type": "string", "pattern": "^[0-9]+$"},
        "Milliseconds, as text, that you wait: from `timestamp`, or without one from the delivery on.",
    ),
    headers.DEADLINE: {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}],
        "description": "Unix time in milliseconds until which you wait. The earlier one of this and"
        " `expiration` holds: LCM is not called after it.",
    },
    "timestamp": _property("timestamp", {"type": "integer"}, "When you published it, unix time in seconds."),
    "deliveryMode": _property(
        "delivery_mode",
        {"type": "integer", "enum": [1, 2]},
        "2: the broker keeps it on disk. Publish with 2.",
    ),
    "userId": _property(
        "user_id",
        _STRING,
        "Checked by the broker; needed where the site restricts an operation to some users.",
    ),
    **_TRACE,
}

_REPLY: JsonObject = {
    "correlationId": _property(
        "correlation_id", _STRING, "The request's; where it has none, its `message_id`."
    ),
    "messageId": _property("message_id", _STRING, "A fresh one."),
    "timestamp": _property("timestamp", {"type": "integer"}, "When it was published, unix time in seconds."),
    "contentType": _property("content_type", {"const": "application/json"}, "Always this."),
    "deliveryMode": _property("delivery_mode", {"const": 2}, "Always this."),
    "type": _property("type", _STRING, "The subtopic of the reply."),
    "appId": _property("app_id", {"const": APP_ID}, "Always this."),
    headers.STATUS: {"type": "string", "enum": ["ok", "error"], "description": "How the request ended."},
    headers.ERROR_TYPE: {
        "type": "string",
        "enum": list(ERROR_TYPES),
        "description": "The errorType of a failure.",
    },
    headers.CACHE: {
        "type": "string",
        "enum": ["hit", "miss", "stale"],
        "description": "Only where the contact cache can answer. stale: LCM is away, and the contacts are"
        " those last seen.",
    },
    headers.REPLAYED: {
        "type": "boolean",
        "description": "true: the stored reply of an earlier delivery of the request.",
    },
    headers.VERSION: {"type": "string", "description": "The bridge's version."},
    headers.IDEMPOTENCY_KEY: {
        "type": "string",
        "description": "Only on an event: the request's key, so that a listener can drop a repetition.",
    },
    **_TRACE,
}

_DEAD_LETTER: JsonObject = {
    headers.REASON: {
        "type": "string",
        "enum": [reason.value for reason in Reason],
        "description": "Why nobody was told, or why a person must look.",
    },
    headers.ERROR: {"type": "string", "description": "The error in words."},
    headers.OPERATION: {"type": "string", "description": "The operation, `unknown` if it could not be told."},
    headers.ATTEMPTS: {"type": "integer", "description": "How often it was tried."},
    headers.EFFECT_DONE: {
        "type": "boolean",
        "description": "true: the side effect has happened, only the reply could not be told.",
    },
    headers.ORIGINAL_EXCHANGE: {"type": "string", "description": "Where it was published."},
    headers.ORIGINAL_ROUTING_KEY: {"type": "string", "description": "With which routing key."},
    headers.ORIGINAL_EXPIRATION: {
        "type": "string",
        "description": "Its `expiration`, which would expire it again.",
    },
    headers.ORIGINAL_USER_ID: {
        "type": "string",
        "description": "Its `user_id`, which only its publisher may bear.",
    },
    headers.MESSAGE_ID_MADE: {
        "type": "boolean",
        "description": "true: it had no `message_id`; this one is no key.",
    },
    headers.UNREADABLE: {"type": "string", "description": "Properties of it that could not be read."},
    headers.DEAD_LETTERED_AT: {"description": "When; a timestamp of AMQP."},
}
