"""The whole document."""

import json
from typing import Final

from bridge import __version__
from bridge.asyncapi import extensions, headers, payloads
from bridge.asyncapi.channels import DEAD_LETTERS, channel_of, channels
from bridge.asyncapi.messages import DEAD_LETTER, correlation, messages
from bridge.asyncapi.places import (
    BINDING_VERSION,
    ERROR,
    EVENTS,
    REPLIES,
    Place,
    channel_ref,
    message_ref,
    places,
)
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.shipped import origin_of
from bridge.settings import Settings

_ABOUT: Final = """\
How a service asks LCM, Acqueon's List & Campaign Manager, for something by RabbitMQ.

Publish a *widget envelope*, a JSON object `{channel, topic, subtopic, source?, data}`, to the topic exchange
`%(requests)s` with the routing key `<channel>.<topic>.<subtopic>`, a `reply_to` and a `correlation_id`. The
bridge calls LCM and publishes the reply, `{channel, topic, subtopic, message}`, to your queue with the same
`correlation_id`. The header `x-bridge-status` says whether it succeeded.

- **Nothing is lost.** A request that the broker confirmed to you ends in a reply, an event or a dead letter.
  Publish with `delivery_mode` 2 and publisher confirms.
- **A side effect happens at most once per key.** The key is the header `idempotency-key`, else `message_id`,
  else `reply_to` with `correlation_id`. A repetition gets the stored reply.
- **Replies tell the truth.** `retryable: true` means that there was no effect. `x-errors` says what to do
  about each error.

The schemas show how to write a request. The bridge takes more than they can say (names in any case, say) and
checks more: the keys that begin with `x-` tell, and `x-extensions` explains them.
"""


def document(catalogue: Catalogue, settings: Settings) -> JsonObject:
    """Return the AsyncAPI 3.0 document of a bridge: JSON, in an order that is the same each time.

    It tells names of exchanges and queues, and limits; no host, user or path of the site.
    See https://www.asyncapi.com/docs/reference/specification/v3.0.0 and the AMQP bindings 0.3.0.
    """
    every = list(places(catalogue))
    schemas: JsonObject = headers.schemas() | payloads.common()
    for operation in catalogue.operations:
        schemas |= dict(payloads.of_operation(operation))
    for place in every:
        schemas |= dict(payloads.of_place(place))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "lcm-bridge",
            "version": __version__,
            "description": _ABOUT % {"requests": settings.amqp.requests_exchange},
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"rabbitmq": _server()},
        "channels": channels(every, catalogue, settings.amqp),
        "operations": _operations(every, settings),
        "components": {
            "messages": messages(every, catalogue),
            "schemas": schemas,
            "correlationIds": {"correlation": correlation()},
            "securitySchemes": {"userPassword": {"type": "userPassword", "description": "A broker user."}},
        },
        "x-envelope": extensions.envelope(settings.limits),
        "x-errors": extensions.errors(),
        "x-off": dict(catalogue.off),
        "x-field-types": extensions.field_types(),
        "x-extensions": extensions.EXTENSIONS,
    }


def _server() -> JsonObject:
    return {
        "host": "{host}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "The site's RabbitMQ. Ask its operators for address and user, and whether it is"
        " amqps.",
        "variables": {"host": {"default": "localhost:5672", "description": "Host and port."}},
        "security": [{"$ref": "#/components/securitySchemes/userPassword"}],
    }


def _operations(every: list[Place], settings: Settings) -> JsonObject:
    found: JsonObject = {place.id: _operation(place, channel_of(place, every), settings) for place in every}
    successes = [f"{place.id}Reply" for place in every if place.operation.replies]
    sending: JsonObject = {"deliveryMode": 2, "timestamp": True, "bindingVersion": BINDING_VERSION}
    found["event"] = {
        "action": "send",
        "channel": channel_ref(EVENTS),
        "title": "Events",
        "summary": "Publishes successes that nobody gave a reply_to for, and those of broadcast operations.",
        "messages": [message_ref(EVENTS, name) for name in successes],
        "bindings": {"amqp": {**sending, "mandatory": True}},
    }
    found["dead-letter"] = {
        "action": "send",
        "channel": channel_ref(DEAD_LETTERS),
        "title": "Dead letters",
        "summary": "Keeps what nobody may be told of, or what a person must look at.",
        "messages": [message_ref(DEAD_LETTERS, DEAD_LETTER)],
        "bindings": {"amqp": {**sending, "mandatory": True}},
    }
    return found


def _operation(place: Place, channel: str, settings: Settings) -> JsonObject:
    operation, form = place.operation, place.operation.declaration.form
    tags: list[JsonValue] = [{"name": f"{operation.lane} queue"}]
    if form.side_effect is not False:
        tags.append({"name": "side effect"})
    found: JsonObject = {
        "action": "receive",
        "channel": channel_ref(channel),
        "title": operation.name if place.number == 1 else f"{operation.name} by {place.route.request}",
        "summary": form.about,
        "description": " ".join(_words(place, settings)),
        "tags": tags,
        "messages": [message_ref(channel, f"{place.id}Request")],
        "bindings": {"amqp": {"ack": True, "deliveryMode": 2, "bindingVersion": BINDING_VERSION}},
        "x-operation": {
            "name": operation.name,
            "queue": settings.amqp.queue_of(operation.lane),
            "from": origin_of(operation.declaration) or "site",
            "side-effect": dict(form.side_effect_when) if form.side_effect_when else bool(form.side_effect),
            "broadcast": operation.broadcast,
            "calls-lcm": operation.calls_lcm,
        },
    }
    if operation.replies:
        names = (f"{place.id}Reply", f"{place.id}Failure", ERROR)
        found["reply"] = {
            "address": {
                "location": headers.REPLY_TO,
                "description": "The AMQP property `reply_to` of the request.",
            },
            "channel": channel_ref(REPLIES),
            "messages": [message_ref(REPLIES, name) for name in names],
        }
    return found


def _words(place: Place, settings: Settings) -> list[str]:
    operation, form = place.operation, place.operation.declaration.form
    exchange = settings.amqp.requests_exchange
    said = [
        f"Publish to the exchange `{exchange}` with the routing key `{place.channel}`.",
        _answered(place),
    ]
    if (told_by := place.route.told_by) is not None:
        some = "one" if told_by.least == 1 else str(told_by.least)
        members = ", ".join(f"`{name}`" for name in told_by.members)
        said.append("Other data comes by this address too:")
        said.append(f"this operation's has at least {some} of {members}.")
    when = dict(form.side_effect_when or {})
    if form.side_effect or when:
        condition = "".join(f", if `{name}` is {json.dumps(value)}" for name, value in when.items())
        said.append(f"A side effect{condition}: it happens at most once per key.")
    if operation.broadcast:
        said.append("Every success is published to the events exchange as well.")
    return said


def _answered(place: Place) -> str:
    if not place.operation.replies:
        return "Nobody is answered, whether it succeeds or fails."
    reply = place.route.reply
    return f"Answered on {reply.channel} / {reply.topic} as `{reply.subtopic}`."
