"""A declaration put together out of its parts, and what is wrong with it."""

from bridge.envelope import Envelope
from bridge.jsontypes import JsonObject
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import BadDeclaration, read
from bridge.operations.model import Command, Rules

FIELDS = """
[data.Id]
type = "text"

[data.Count]
type = "integer"
least = 1
default = 1

[data.Urgent]
type = "flag"
yes = "Y"
no = "N"
default = false

[data.From]
type = "date"
required = false

[data.Till]
type = "date"
required = false
not_before = "From"

[data.More]
type = "object"
required = false
"""


def text(
    *,
    top: str = "side_effect = false",
    route: str = 'reply = "Thing"',
    data: str = FIELDS,
    reply: str = 'shape = "key"',
    rest: str = "",
) -> str:
    """Return the TOML of GetThing; each part is some lines in the table that it is named after."""
    return (
        f'name = "GetThing"\nabout = "A thing."\n{top}\n[[routes]]\nsubtopic = "GetThing"\n{route}\n{data}\n'
        f"[reply]\n{reply}\n{rest}\n"
    )


def made(**parts: str) -> Declared:
    """Return the operation that is declared so. Raises `BadDeclaration`."""
    return Declared(read(text(**parts), "x.toml"), Rules())


def faults(**parts: str) -> list[str]:
    """Return all that is wrong with a declaration, without the name of its file."""
    try:
        made(**parts)
    except BadDeclaration as bad:
        return [fault.removeprefix("x.toml: ") for fault in bad.faults]
    return []


def command(operation: Declared, data: JsonObject) -> Command:
    """Return what becomes of a request. Raises `InvalidData`."""
    return operation.translate(Envelope("LCM", "WebService", "GetThing", source=None, data=data))
