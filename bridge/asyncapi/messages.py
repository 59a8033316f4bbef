"""The messages: requests, replies, the error event and dead letters, each with an example."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from bridge import __version__
from bridge.asyncapi.headers import CORRELATION_ID
from bridge.asyncapi.places import BINDING_VERSION, ERROR, Place, ref
from bridge.envelope import Envelope
from bridge.failures import Failure, InvalidData, UnknownOperation
from bridge.headers import ERROR_TYPE, IDEMPOTENCY_KEY, STATUS, VERSION
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.declared.operation import Declared
from bridge.operations.model import Address
from bridge.replies import error_event, failure_body, reply_body

DEAD_LETTER: Final = "DeadLetter"
CONTENT_TYPE: Final = "application/json"
_CORRELATION: Final = "7d9f2c4e"
_WRONG: Final[tuple[JsonValue, ...]] = (17, "x", True, {})
"""Values of which each type of field refuses one."""
_ANSWERS: Final = "The reply to the request in x-answers."


class Exchanged(NamedTuple):
    """A request and its reply; the reply is None where nobody is answered."""

    request: JsonObject
    reply: JsonObject | None


def messages(places: list[Place], catalogue: Catalogue) -> JsonObject:
    """Return every message by its name."""
    found: JsonObject = {}
    for place in places:
        for name, message in _of_place(place):
            found[name] = message
    found[ERROR] = _error(catalogue)
    found[DEAD_LETTER] = _dead_letter()
    return found


def _of_place(place: Place) -> Iterator[tuple[str, JsonObject]]:
    about = place.operation.declaration.form.about
    example = answered(place)
    headers: JsonObject = {"replyTo": "my-service.replies", "correlationId": _CORRELATION, "deliveryMode": 2}
    if place.operation.declaration.form.side_effect is not False:
        headers[IDEMPOTENCY_KEY] = f"{place.operation.name}-{place.number}"
    request: JsonObject = {
        "name": f"{place.id}Request",
        "title": f"{place.operation.name} request",
        "summary": about,
        "contentType": CONTENT_TYPE,
        "headers": ref("schemas", "RequestHeaders"),
        "payload": ref("schemas", f"{place.id}Request"),
        "correlationId": ref("correlationIds", "correlation"),
    }
    if example is not None:
        request["examples"] = [_example("success", about, headers, example.request)]
    yield f"{place.id}Request", request
    if not place.operation.replies:
        return
    success = _replying(place, "Reply", "SuccessHeaders", "it succeeded")
    if example is not None and example.reply is not None:
        told = f"The reply to the example of {place.id}Request."
        success["examples"] = [_example("success", told, _answer_headers(place), example.reply)]
    yield f"{place.id}Reply", success
    request_body, failure, body = refused(place)
    failed = _replying(place, "Failure", "FailureHeaders", "it failed")
    failed["examples"] = [_example("failure", _ANSWERS, _answer_headers(place, failure), body)]
    failed["x-answers"] = request_body
    yield f"{place.id}Failure", failed


def _replying(place: Place, kind: str, headers: str, how: str) -> JsonObject:
    subtopic = place.route.reply.subtopic
    return {
        "name": f"{place.id}{kind}",
        "title": f"{subtopic}: {how}",
        "summary": f"The reply to {place.operation.name}: {how}.",
        "contentType": CONTENT_TYPE,
        "headers": ref("schemas", headers),
        "payload": ref("schemas", f"{place.id}{kind}"),
        "correlationId": ref("correlationIds", "correlation"),
        "bindings": {"amqp": {"messageType": subtopic, "bindingVersion": BINDING_VERSION}},
    }


def _example(name: str, about: str, headers: JsonObject, payload: JsonObject) -> JsonObject:
    return {"name": name, "summary": about, "headers": headers, "payload": payload}


def _answer_headers(place: Place | None, failure: Failure | None = None) -> JsonObject:
    headers: JsonObject = {"correlationId": _CORRELATION, "contentType": CONTENT_TYPE}
    headers["type"] = "ApiError" if place is None else place.route.reply.subtopic
    headers[STATUS] = "ok" if failure is None else "error"
    if failure is not None:
        headers[ERROR_TYPE] = failure.error_type
    headers[VERSION] = __version__
    return headers


def answered(place: Place) -> Exchanged | None:
    """Return what the declaration's example is by this route; None where it has none."""
    example = place.operation.declaration.example
    if example is None:
        return None
    data = spelled(place.operation, example.data)
    address = place.route.request
    if not place.operation.replies:
        return Exchanged(_envelope(address, data), None)
    command = place.operation.translate(Envelope(*address, None, data))
    answer = place.operation.answer(command, example.result)
    return Exchanged(_envelope(address, data), reply_body(place.route.reply, answer.message))


def refused(place: Place) -> tuple[JsonObject, Failure, JsonObject]:
    """Return a request that the operation refuses, how, and the reply: the first field has a wrong type."""
    example = place.operation.declaration.example
    given = {} if example is None else spelled(place.operation, example.data)
    first = next(iter(place.operation.fields), None)
    for wrong in _WRONG:
        data: JsonObject | None = None
        if first is not None:
            names = (first.name, *first.aliases)
            data = {first.name: wrong} | {name: one for name, one in given.items() if name not in names}
        address = place.route.request
        try:
            place.operation.translate(Envelope(*address, None, data))
        except InvalidData as failure:
            return _envelope(address, data), failure, failure_body(place.route.reply, failure)
    raise AssertionError(f"{place.operation.name} takes whatever it is given")


def spelled(operation: Declared, data: JsonObject) -> JsonObject:
    """Return data with its names spelled as the schema spells them, for schemas know case."""
    names = {name.casefold(): name for field in operation.fields for name in (field.name, *field.aliases)}
    return {names.get(name.casefold(), name): value for name, value in data.items()}


def _envelope(address: Address, data: JsonValue) -> JsonObject:
    return {"channel": address.channel, "topic": address.topic, "subtopic": address.subtopic, "data": data}


def _error(catalogue: Catalogue) -> JsonObject:
    address = Address("LCM", "WebService", "NoSuchOperation")
    try:
        catalogue.find(Envelope(*address, None, {}))
    except UnknownOperation as failure:
        headers, body = _answer_headers(None, failure), error_event(address.channel, failure)
    else:
        raise AssertionError(f"{address} is an operation")
    return {
        "name": ERROR,
        "title": "The error event",
        "summary": "The answer to a request whose operation cannot be told: no JSON, or an unknown address.",
        "contentType": CONTENT_TYPE,
        "headers": ref("schemas", "FailureHeaders"),
        "payload": ref("schemas", "ErrorEvent"),
        "correlationId": ref("correlationIds", "correlation"),
        "bindings": {"amqp": {"messageType": "ApiError", "bindingVersion": BINDING_VERSION}},
        "examples": [_example("failure", _ANSWERS, headers, body)],
        "x-answers": _envelope(address, {}),
    }


def _dead_letter() -> JsonObject:
    return {
        "name": DEAD_LETTER,
        "title": "A dead letter",
        "summary": "A request that nobody may be told of, or that a person must look at: its body as"
        " received, and why in its headers.",
        "headers": ref("schemas", "DeadLetterHeaders"),
        "payload": {"description": "The request as received; it need not be JSON."},
    }


def correlation() -> JsonObject:
    """Return where it stands what a reply is found by."""
    return {
        "description": "The AMQP property `correlation_id`: the reply bears the request's.",
        "location": CORRELATION_ID,
    }
