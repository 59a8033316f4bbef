"""The channels: a request's routing keys, the request queues, replies, events and dead letters."""

from bridge.asyncapi.messages import DEAD_LETTER
from bridge.asyncapi.places import BINDING_VERSION, ERROR, EVENTS, REPLIES, Place, ref
from bridge.envelope import Envelope
from bridge.failures import InvalidData
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Lane, Telling
from bridge.settings import Amqp

DEAD_LETTERS = "dead-letters"
_QUEUES: dict[Lane, str] = {"agent": "agent-queue", "campaign": "campaign-queue"}
_VERSION: JsonObject = {"bindingVersion": BINDING_VERSION}


def channels(places: list[Place], catalogue: Catalogue, amqp: Amqp) -> JsonObject:
    """Return every channel by its key."""
    owners: dict[str, list[Place]] = {}
    for place in places:
        owners.setdefault(place.channel.casefold(), []).append(place)
    found: JsonObject = {group[0].channel: _request(group, catalogue, amqp) for group in owners.values()}
    for lane, key in _QUEUES.items():
        found[key] = _queue(
            amqp.queue_of(lane), [f"{place.id}Request" for place in places if place.operation.lane == lane]
        )
    answering = [place for place in places if place.operation.replies]
    successes = [f"{place.id}Reply" for place in answering]
    found[REPLIES] = {
        "address": None,
        "title": "Your reply queue",
        "description": "The queue that a request names in `reply_to`; the bridge publishes to it by the"
        " default exchange. Yours to declare: best a classic one, or `amq.rabbitmq.reply-to`.",
        "messages": _messages([*successes, *(f"{place.id}Failure" for place in answering), ERROR]),
    }
    found[EVENTS] = _events(successes, amqp)
    found[DEAD_LETTERS] = {
        "address": amqp.dead_letters_queue,
        "title": "Dead letters",
        "description": f"What the site's operators look at. It is bound to the exchange"
        f" `{amqp.dead_letters_exchange}` (fanout).",
        "messages": _messages([DEAD_LETTER]),
        "bindings": {"amqp": _queue_binding(amqp.dead_letters_queue)},
    }
    return found


def channel_of(place: Place, places: list[Place]) -> str:
    """Return the key of a request's channel: the address as the first operation there spells it."""
    wanted = place.channel.casefold()
    return next(one.channel for one in places if one.channel.casefold() == wanted)


def _request(owners: list[Place], catalogue: Catalogue, amqp: Amqp) -> JsonObject:
    first = owners[0]
    names = ", ".join(place.operation.name for place in owners)
    channel: JsonObject = {
        "address": first.channel,
        "title": f"Requests for {names}",
        "description": "The routing key. The body decides what a request is: where a routing key is"
        " spelled otherwise, the request gets there all the same.",
        "messages": _messages([f"{place.id}Request" for place in owners]),
        "bindings": {"amqp": _exchange_binding(amqp.requests_exchange)},
    }
    if first.route.told_by is not None:
        channel["x-told-by"] = _told_by(owners, catalogue)
    return channel


def _told_by(owners: list[Place], catalogue: Catalogue) -> JsonObject:
    """Say by which members of ``data`` the operations of a shared address are told apart."""
    telling: list[JsonValue] = [
        {"operation": place.id, **_telling(place.route.told_by)}
        for place in owners
        if place.route.told_by is not None
    ]
    told: JsonObject = {"first-of": telling}
    route = owners[0].route
    if len(owners) == 1:
        if route.refuses is not None:
            told["refuses"] = {**_telling(route.refuses), "problem": route.because}
        told["otherwise"] = {"operation": owners[0].id}
        return told
    operation, _ = catalogue.find(Envelope(*route.request, None, {}))
    try:
        operation.translate(Envelope(*route.request, None, {}))
    except InvalidData as nobodys:
        told["otherwise"] = {"operation": owners[0].id, "problem": nobodys.details[0].problem}
    return told


def _telling(telling: Telling) -> JsonObject:
    return {"members": list(telling.members), "least": telling.least}


def _queue(name: str, requests: list[str]) -> JsonObject:
    return {
        "address": name,
        "title": f"The queue {name}",
        "description": "What the bridge consumes. Publish to the exchange; straight to the queue by its"
        " name (default exchange) works too, and any operation works on either queue.",
        "messages": _messages(requests),
        "bindings": {"amqp": _queue_binding(name)},
    }


def _events(successes: list[str], amqp: Amqp) -> JsonObject:
    about = {
        "channel": "The reply's channel.",
        "topic": "The reply's topic.",
        "subtopic": "The reply's subtopic.",
    }
    return {
        "address": "{channel}.{topic}.{subtopic}",
        "title": "Events",
        "description": "Successful replies that nobody gave a `reply_to` for, and every success of a"
        " broadcast operation. Bind a queue of your own by the routing keys that you want.",
        "parameters": {name: {"description": text} for name, text in about.items()},
        "messages": _messages(successes),
        "bindings": {"amqp": _exchange_binding(amqp.events_exchange)},
    }


def _messages(names: list[str]) -> JsonObject:
    return {name: ref("messages", name) for name in names}


def _exchange_binding(name: str) -> JsonObject:
    exchange: JsonObject = {"name": name, "type": "topic", "durable": True, "autoDelete": False}
    return {"is": "routingKey", "exchange": exchange, **_VERSION}


def _queue_binding(name: str) -> JsonObject:
    queue: JsonObject = {"name": name, "durable": True, "exclusive": False, "autoDelete": False}
    return {"is": "queue", "queue": queue, **_VERSION}
