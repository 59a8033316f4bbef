"""The part of the page that tells of one operation."""

import re

from bridge.page.contract import Contract, Field, Operation
from bridge.page.html import Html, code, element, joined, json_code, pretty, prose, sample, table
from bridge.page.words import answer_in_words, limits_in_words, type_in_words

_WORD = re.compile("(?<=[a-z0-9])(?=[A-Z])")


def entry(operation: Operation) -> Html:
    """Return an operation's line in the contents."""
    return element("li", element("a", _breakable(operation.name), href=f"#{_id(operation)}"))


def section(contract: Contract, operation: Operation) -> Html:
    """Return all that the page says of an operation."""
    return element(
        "article",
        element("h3", element("a", _breakable(operation.name), href=f"#{_id(operation)}")),
        element("p", prose(operation.about)),
        _facts(operation),
        _routes(operation),
        element("h4", "Data"),
        _fields(operation),
        _request(operation),
        _answer(contract, operation),
        _program(operation),
        class_="operation",
        id=_id(operation),
    )


def _id(operation: Operation) -> str:
    return f"operation-{operation.name}"


def _breakable(name: str) -> Html:
    """Return a name that may go on in another line before each of its words."""
    return joined(_WORD.split(name), Html("<wbr>"))


def _facts(operation: Operation) -> Html:
    facts = []
    if isinstance(operation.side_effect, bool):
        if operation.side_effect:
            facts.append(element("li", "side effect: at most once per key", class_="effect"))
        else:
            facts.append(element("li", "no side effect: may be repeated"))
    else:
        when = " and ".join(f"{name} is {pretty(value)}" for name, value in operation.side_effect.items())
        facts.append(element("li", f"side effect if {when}: at most once per key", class_="effect"))
    if operation.broadcast:
        facts.append(element("li", "broadcast: every success is an event too"))
    if not operation.calls_lcm:
        facts.append(element("li", "LCM is not called"))
    return element("ul", *facts, element("li", "queue ", code(operation.queue)), class_="facts")


def _routes(operation: Operation) -> Html:
    lines = []
    for route in operation.routes:
        answered = (
            "never answered"
            if route.reply is None
            else joined(["answered as ", code(" / ".join(route.reply))])
        )
        told: list[str] = []
        if route.told_by is not None:
            least, names = route.told_by["least"], route.told_by["members"]
            which = "" if len(names) == 1 else "any of " if least == 1 else f"{least} of "
            told = [f"; told from others there by {which}", joined([code(one) for one in names], ", ")]
        lines.append(element("li", code(" / ".join(route.request)), " → ", answered, *told))
    return element("ul", *lines, class_="routes")


def _fields(operation: Operation) -> Html:
    if not operation.fields:
        return element("p", "None.")
    rows = [
        [_name(field), type_in_words(field), _must(field), limits_in_words(field), prose(field.about)]
        for field in operation.fields
    ]
    return table(["Field", "Type", "Must", "Limits", "About"], rows, f"Data of {operation.name}")


def _name(field: Field) -> Html:
    also = [" ", element("span", "also ", joined(map(code, field.aliases), ", "), class_="also")]
    return joined([code(field.name), *(also if field.aliases else ())])


def _must(field: Field) -> Html:
    if field.required:
        return element("strong", "yes")
    return joined(["no"] if field.default is None else ["no, default ", code(pretty(field.default))])


def _request(operation: Operation) -> Html:
    if operation.envelope is None:
        return Html("")
    request = sample(
        "Request",
        json_code(pretty(operation.envelope)),
        what=f"the request of {operation.name}",
        checks=True,
    )
    if operation.reply is None:
        return request
    reply = sample("Reply", json_code(pretty(operation.reply)), what=f"the reply of {operation.name}")
    return element("div", request, reply, class_="pair")


def _answer(contract: Contract, operation: Operation) -> Html:
    if operation.answer is None:
        return element("p", "Nobody is answered, whether it succeeds or fails.")
    about = str(operation.answer.get("description", ""))
    failure = (
        [sample("A refusal", json_code(pretty(operation.failure)), what=f"a refusal of {operation.name}")]
        if operation.failure is not None
        else []
    )
    return element(
        "details",
        element("summary", "What the reply holds"),
        element("p", "Members of ", code("message"), " where it succeeds", f": {about}" if about else ":"),
        answer_in_words(contract, operation.answer),
        *failure,
        class_="program",
    )


def _program(operation: Operation) -> Html:
    if operation.envelope is None or operation.answer is None:
        return Html("")
    fallback = element(
        "p",
        "As in ",
        element("a", "publish and await", href="#code"),
        ", with this request and the routing key ",
        code(operation.routes[0].routing_key),
        ".",
    )
    return element(
        "details",
        element("summary", "Publish and await, in code"),
        element(
            "div",
            fallback,
            class_="programs",
            id=f"code-{operation.name}",
            data_operation=operation.name,
        ),
        class_="program",
    )
