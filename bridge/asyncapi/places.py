"""The routes of the operations, under the names that the document gives them, and references within it."""

from collections.abc import Iterator
from typing import NamedTuple

from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.declared.operation import Declared
from bridge.operations.model import Route

BINDING_VERSION = "0.3.0"
"""Of the AMQP bindings, https://github.com/asyncapi/bindings/tree/master/amqp."""

REPLIES, EVENTS, ERROR = "replies", "events", "ApiError"
"""Two channels, beside those of requests, which have dots; and the message of the error event."""


class Place(NamedTuple):
    """An operation by one of its routes, counted from 1; ``id`` is its key in the document."""

    id: str
    number: int
    operation: Declared
    route: Route

    @property
    def channel(self) -> str:
        """The key of the request's channel, which is its routing key too."""
        return ".".join(self.route.request)


def places(catalogue: Catalogue) -> Iterator[Place]:
    """Yield every route; the first of an operation bears its name alone, and no two are the same."""
    for operation in catalogue.operations:
        for number, route in enumerate(operation.routes, start=1):
            key = operation.name if number == 1 else f"{operation.name}.{'.'.join(route.request)}"
            yield Place(key, number, operation, route)


def ref(kind: str, name: str) -> JsonObject:
    """Refer to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def channel_ref(channel: str) -> JsonObject:
    """Refer to a channel."""
    return {"$ref": f"#/channels/{channel}"}


def message_ref(channel: str, message: str) -> JsonValue:
    """Refer to a message of a channel."""
    return {"$ref": f"#/channels/{channel}/messages/{message}"}
