"""Publish-and-await in several languages: one program each, in which envelope and routing key change."""

from importlib.resources import files
from typing import Final, NamedTuple

from bridge.page.contract import Contract, Operation
from bridge.page.html import Html, element, joined, pretty, sample


class Language(NamedTuple):
    """One program; in ``escapes`` a backslash of the envelope is written twice."""

    title: str
    file: str
    escapes: bool = False


LANGUAGES: Final = {
    "python": Language("Python", "python.py.txt"),
    "java": Language("Java", "java.java.txt", escapes=True),
    "csharp": Language("C#", "csharp.cs.txt"),
    "javascript": Language("JavaScript", "javascript.mjs.txt"),
}


def template(language: Language, contract: Contract) -> str:
    """Return a program in which the envelope and the routing key are still open."""
    text = files("bridge.page").joinpath("snippets", language.file).read_text(encoding="utf-8")
    return text.rstrip("\n").replace("@EXCHANGE@", contract.exchange)


def program(name: str, contract: Contract, operation: Operation) -> str:
    """Return the program that publishes an operation's example and awaits the reply.

    JSON never holds three double quotes in a row, so it can stand within three.
    """
    language = LANGUAGES[name]
    envelope = pretty(operation.envelope)
    return (
        template(language, contract)
        .replace("@ROUTING_KEY@", operation.routes[0].routing_key)
        .replace("@ENVELOPE@", envelope.replace("\\", "\\\\") if language.escapes else envelope)
    )


def answered(contract: Contract) -> list[Operation]:
    """Return the operations that a program can be shown for."""
    return [one for one in contract.operations if one.envelope is not None and one.answer is not None]


def shared(contract: Contract) -> Html:
    """Return the programs of the first operation; the page's script makes tabs of them."""
    operation = next(iter(answered(contract)), None)
    if operation is None:
        return element("p", "No operation of this bridge has an example.", class_="note")
    figures = [
        sample(
            language.title,
            joined([program(name, contract, operation)]),
            what=f"the program in {language.title}",
        )
        for name, language in LANGUAGES.items()
    ]
    return element("div", *figures, class_="programs", id="code-shared", data_operation=operation.name)
