"""What the page says, read from the AsyncAPI document.

The keys that begin with ``x-`` are explained in the document itself, under ``x-extensions``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from bridge.jsontypes import JsonObject, JsonValue

Node = Mapping[str, Any]
"""A part of the document."""


class Field(NamedTuple):
    """One member of ``data``; ``check`` is its ``x-check``: the type and its limits."""

    name: str
    aliases: list[str]
    check: Node
    about: str
    required: bool
    default: JsonValue


class Route(NamedTuple):
    """A request address and its routing key, the reply's address, and how shared addresses are told apart."""

    request: list[str]
    routing_key: str
    reply: list[str] | None
    told_by: Node | None
    refuses: Node | None


class Operation(NamedTuple):
    """One operation; ``side_effect`` may be the value of a field with which it has one.

    ``envelope``, ``reply`` and ``failure`` are examples, ``answer`` the schema of ``message``.
    """

    name: str
    about: str
    queue: str
    side_effect: bool | Node
    broadcast: bool
    calls_lcm: bool
    fields: list[Field]
    routes: list[Route]
    envelope: JsonObject | None
    reply: JsonObject | None
    failure: JsonObject | None
    answer: Node | None


class Contract:
    """The document, in the page's terms."""

    def __init__(self, document: JsonObject) -> None:
        self._document = cast("Node", document)
        self.title = str(self._document["info"]["title"])
        self.version = str(self._document["info"]["version"])
        channels = self._document["channels"]
        self.queues = [str(channels[key]["address"]) for key in ("agent-queue", "campaign-queue")]
        self.dead_letters = str(channels["dead-letters"]["address"])
        self.events = str(channels["events"]["bindings"]["amqp"]["exchange"]["name"])
        self.limits: Node = self._document["x-envelope"]
        self.errors: list[Node] = self._document["x-errors"]
        self.off: Node = self._document["x-off"]
        self.operations = self._operations()
        self.exchange = next(
            str(channel["bindings"]["amqp"]["exchange"]["name"])
            for key, channel in channels.items()
            if key != "events" and "exchange" in channel.get("bindings", {}).get("amqp", {})
        )

    def headers(self, name: str) -> dict[str, Node]:
        """Return the properties and headers of a schema of headers."""
        return dict(self._document["components"]["schemas"][name]["properties"])

    def error_event(self) -> tuple[JsonValue, JsonValue]:
        """Return a request whose operation cannot be told, and what is answered."""
        message = self._document["components"]["messages"]["ApiError"]
        return message["x-answers"], message["examples"][0]["payload"]

    def resolved(self, node: Node) -> Node:
        """Follow a reference within the document."""
        while "$ref" in node:
            found: Any = self._document
            for part in str(node["$ref"]).removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def _operations(self) -> list[Operation]:
        places: dict[str, list[tuple[str, Node]]] = {}
        for key, place in self._document["operations"].items():
            if "x-operation" in place:
                places.setdefault(str(place["x-operation"]["name"]), []).append((key, place))
        return [self._operation(name, found) for name, found in places.items()]

    def _operation(self, name: str, places: list[tuple[str, Node]]) -> Operation:
        first = places[0][1]
        about = first["x-operation"]
        request, reply, failure = self._messages(first)
        envelope = self.resolved(request["payload"])["properties"]
        return Operation(
            name=name,
            about=str(first["summary"]),
            queue=str(about["queue"]),
            side_effect=about["side-effect"],
            broadcast=bool(about["broadcast"]),
            calls_lcm=bool(about["calls-lcm"]),
            fields=_fields(self.resolved(envelope["data"])),
            routes=[self._route(key, place) for key, place in places],
            envelope=_example(request),
            reply=_example(reply),
            failure=_example(failure),
            answer=None
            if reply is None
            else self.resolved(self.resolved(reply["payload"])["properties"]["message"]),
        )

    def _messages(self, place: Node) -> tuple[Node, Node | None, Node | None]:
        """Return the messages of a request, of its success and of its failure."""
        request = self.resolved(place["messages"][0])
        if "reply" not in place:
            return request, None, None
        success, failure = (self.resolved(one) for one in place["reply"]["messages"][:2])
        return request, success, failure

    def _route(self, key: str, place: Node) -> Route:
        channel = self.resolved(place["channel"])
        request, reply, _ = self._messages(place)
        telling = channel.get("x-told-by", {})
        told_by = next((one for one in telling.get("first-of", ()) if one["operation"] == key), None)
        return Route(
            request=self._address(request),
            routing_key=str(channel["address"]),
            reply=None if reply is None else self._address(reply),
            told_by=told_by,
            refuses=telling.get("refuses"),
        )

    def _address(self, message: Node) -> list[str]:
        members = self.resolved(message["payload"])["properties"]
        return [str(members[name]["const"]) for name in ("channel", "topic", "subtopic")]


def _fields(data: Node) -> list[Field]:
    required = set(data.get("required", ()))
    for either in data.get("allOf", ()):
        required |= set(either["anyOf"][0]["required"])
    return [
        Field(
            name=name,
            aliases=list(schema.get("x-aliases", ())),
            check=schema["x-check"],
            about=str(schema.get("description", "")),
            required=name in required,
            default=schema.get("default"),
        )
        for name, schema in data["properties"].items()
        if "x-check" in schema
    ]


def _example(message: Node | None) -> JsonObject | None:
    examples = [] if message is None else message.get("examples", ())
    return cast("JsonObject", examples[0]["payload"]) if examples else None
