"""The whole page."""

import json
from collections.abc import Mapping
from string import Template
from typing import Final

from bridge.jsontypes import JsonObject
from bridge.page.contract import Contract, Node
from bridge.page.html import Html, code, element, joined, json_code, pretty, prose, sample, table
from bridge.page.operations import entry, section
from bridge.page.programs import answered, shared
from bridge.page.rules import script_data
from bridge.page.scripts import POLICY, SCRIPT, STYLE, asset

_REQUEST: Final[JsonObject] = {
    "channel": "LCM",
    "topic": "WebService",
    "subtopic": "...",
    "source": "my-widget",
    "data": {},
}
_REPLY: Final[JsonObject] = {"channel": "LCM", "topic": "WebService", "subtopic": "...", "message": {}}
_KEYS: Final = {
    "same or new": "with the same key or a new one",
    "same": "with the same key",
    "new": "with a new key",
}


def render(document: JsonObject) -> str:
    """Return the page for an AsyncAPI document of `bridge.asyncapi`, whatever its texts hold.

    One HTML file that asks for nothing else, and that its own policy allows (`bridge.page.scripts.POLICY`).
    """
    contract = Contract(document)
    operations = contract.operations
    return _filled(
        "page.html",
        title=contract.title,
        version=contract.version,
        policy=POLICY,
        style=Html(STYLE),
        contents=joined(map(entry, operations)),
        publish=_publish(contract),
        replies=_filled(
            "replies.html",
            events=contract.events,
            shape=sample("Reply", json_code(pretty(_REPLY)), what="the shape of a reply"),
            headers=_headers(contract.headers("ReplyHeaders")),
        ),
        check=Html(asset("check.html")),
        operations=joined([section(contract, one) for one in operations]),
        failures=_failures(contract),
        guarantees=Html(asset("guarantees.html")),
        data=_data(contract),
        script=Html(SCRIPT),
    )


def _filled(name: str, **parts: str) -> Html:
    pieces: Mapping[str, str] = {key: joined([part]) for key, part in parts.items()}
    return Html(Template(asset(name)).substitute(pieces))


def _publish(contract: Contract) -> Html:
    return _filled(
        "publish.html",
        bytes=f"{contract.limits['most-bytes']:,}",
        depth=str(contract.limits["most-levels"]),
        values=f"{contract.limits['most-values']:,}",
        chars=f"{contract.limits['longest-string']:,}",
        headers=f"{contract.limits['most-header-bytes']:,}",
        exchange=contract.exchange,
        queues=joined(map(code, contract.queues), " or "),
        shape=sample("Request", json_code(pretty(_REQUEST)), what="the shape of a request"),
        properties=_headers(contract.headers("RequestHeaders")),
        code=shared(contract),
    )


def _headers(headers: Mapping[str, Node]) -> Html:
    rows = []
    for name, schema in headers.items():
        place = schema.get("x-amqp-property")
        shown = joined(["header ", code(name)]) if place is None else code(str(place))
        rows.append([shown, prose(str(schema.get("description", "")))])
    return table(["Property", "Meaning"], rows, "AMQP properties and headers")


def _failures(contract: Contract) -> Html:
    rows = [
        [
            code(error["errorType"]),
            prose(error["happened"]),
            prose(error["action"]),
            _again(error),
        ]
        for error in contract.errors
    ]
    request, event = contract.error_event()
    failing = next((one for one in answered(contract) if one.failure is not None), None)
    return _filled(
        "failures.html",
        table=table(["errorType", "What happened", "What to do", "Send again"], rows, "Failures"),
        failure=Html("")
        if failing is None
        else sample("Failure", json_code(pretty(failing.failure)), what="a failure"),
        request=sample("Request", json_code(pretty(request)), what="a request of no operation", checks=True),
        event=sample("Error event", json_code(pretty(event)), what="the error event"),
    )


def _again(error: Node) -> Html:
    again, key = str(error["again"]), error["key"]
    shown = {
        "as it is": element("span", "yes", class_="yes"),
        "no": element("span", "no", class_="no"),
        "to ask": joined(["only to learn what became of it"]),
    }.get(again, joined([again]))
    return shown if key is None else joined([shown, f", {_KEYS.get(str(key), key)}"])


def _data(contract: Contract) -> Html:
    """Return JSON that cannot end the element that it stands in."""
    text = json.dumps(script_data(contract), ensure_ascii=False, separators=(",", ":"))
    for sign, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, escaped)
    return Html(text)
