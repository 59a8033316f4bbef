"""What the targets share: a site that has every operation, and what must hold of all that leaves it."""

from typing import Final

import orjson

from bridge.failures import LONGEST_MESSAGE, LONGEST_MSG, Failure
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.examples import envelope_of
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import read
from bridge.operations.model import Command, Rules
from bridge.operations.shipped import siblings
from bridge.replies import encode, failure_body
from bridge.strictjson import Limits

EVERYTHING: Final = """
name = "Everything"
about = "has a field of every type"
side_effect = true
[[routes]]
subtopic = "Everything"
reply = "EverythingResult"
[data]
text = { type = "text", shortest = 2, longest = 5, lcm = "Text", aliases = ["Words"] }
word = { type = "text", one_of = ["Up", "Stra\u00dfe"], default = "Up" }
whole = { type = "integer", least = -5, most = 5, required = false }
digits = { type = "integer", goes_as = "text", least = 0, required = false }
amount = { type = "decimal", required = false }
flag = { type = "flag", yes = "Y", no = "N", default = false }
xml = { type = "xml", longest = 500, required = false }
phone = { type = "phone", required = false }
object = { type = "object", required = false }
array = { type = "array", longest = 3, required = false }
from = { type = "minute", required = false }
until = { type = "minute", not_before = "from", required = false }
day = { type = "date", required = false }
time = { type = "time", required = false, lcm = false }
[reply]
shape = "object"
others = true
repeats = ["object", "amount"]
members = { Text = "text", Number = "number", YesOrNo = "yes_no", Flag = "flag", Any = "any" }
[example]
data = '{"text": "abc", "amount": 1}'
call = '{"Text": "abc", "word": "Up", "amount": "1", "flag": "N"}'
result = '{"Text": "a"}'
message = '''
{"amount": "1", "response": {"Text": "a", "Number": null, "YesOrNo": null, "Flag": null, "Any": null}}
'''
"""
LIMITS: Final = Limits()
CATALOGUE: Final = Catalogue(Rules(), (*OPERATIONS, *siblings(), read(EVERYTHING, "everything.toml")))

MOST_TOLD: Final = 64_000
"""Bytes of a reply that tells of a failure."""


def samples() -> list[tuple[Declared, Command]]:
    """Return each operation with the command of its example."""
    found = []
    for operation in CATALOGUE.operations:
        if not isinstance(operation, Declared) or operation.declaration.example is None:
            raise AssertionError(f"{operation.name} has no example")
        command = operation.translate(envelope_of(operation, operation.declaration.example))
        found.append((operation, command))
    return found


def told(failure: Failure, operation: Declared | None = None) -> None:
    """See that a failure can be told: short, on one line, and as a reply."""
    if len(failure.message) > LONGEST_MESSAGE or not 0 < len(failure.msg) <= LONGEST_MSG:
        raise AssertionError(f"{len(failure.message)} and {len(failure.msg)} characters")
    address = (operation or CATALOGUE.operations[0]).routes[0].reply
    body = encode(failure_body(address, failure))
    if len(body) > MOST_TOLD:
        raise AssertionError(f"{failure.error_type} takes {len(body)} bytes")
    if not isinstance(orjson.loads(body), dict):
        raise TypeError(body)
