"""HTML from text that may be anything: what is not `Html` is escaped."""

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Final

from bridge.jsontypes import JsonValue

_CODE: Final = re.compile(r"`([^`]+)`")
_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(:?)|\b(true|false|null|-?[0-9][0-9.eE+-]*)')


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Html:
    """Return an element; an attribute ``class_`` is ``class``, ``data_x`` is ``data-x``."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items()
    )
    return Html(f"<{tag}{given}>{joined(children)}</{tag}>")


def joined(children: Iterable[str], between: str = "") -> Html:
    """Return several pieces as one."""
    return Html(between.join(child if isinstance(child, Html) else escape(child) for child in children))


def prose(text: str) -> Html:
    """Return a line of the document's own text, in which backquotes mark code."""
    return Html(_CODE.sub(r"<code>\1</code>", escape(text)))


def code(text: str) -> Html:
    """Return a piece of code within a line."""
    return element("code", text)


def sample(title: str, shown: Html, *, what: str, checks: bool = False) -> Html:
    """Return a block of code; ``what`` is what the copy button copies, ``checks`` adds one that checks it."""
    more = {"data_checks": "yes"} if checks else {}
    return element(
        "figure",
        element("figcaption", element("span", title)),
        element("pre", element("code", shown), tabindex="0"),
        class_="sample",
        data_what=what,
        **more,
    )


def pretty(value: JsonValue) -> str:
    """Return JSON as it is shown and copied."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def json_code(text: str) -> Html:
    """Return JSON text with its keys and values marked."""
    parts: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[at : token.start()])
        string, colon, literal = token.groups()
        if string and colon:
            parts += element("span", string, class_="k"), colon
        else:
            parts.append(element("span", string or literal, class_="l"))
        at = token.end()
    return joined([*parts, text[at:]])


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], label: str) -> Html:
    """Return a table whose rows become blocks on a narrow screen; the roles keep it a table for readers."""
    heads = list(headings)
    head = element("tr", *(element("th", one, role="columnheader", scope="col") for one in heads), role="row")
    body = [
        element(
            "tr",
            *(
                element("td", cell, role="cell", data_label=name)
                if number
                else element("th", cell, role="rowheader", scope="row")
                for number, (name, cell) in enumerate(zip(heads, row, strict=True))
            ),
            role="row",
        )
        for row in rows
    ]
    return element(
        "table",
        element("thead", head, role="rowgroup"),
        element("tbody", *body, role="rowgroup"),
        class_="stack",
        role="table",
        aria_label=label,
    )
