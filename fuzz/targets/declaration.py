"""A site's declaration of an operation, any text: an operation that works, or `BadDeclaration`."""

import json
from typing import Final

from bridge.envelope import Envelope
from bridge.failures import InvalidData
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.examples import example_faults
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import BadDeclaration, read
from bridge.operations.model import Rules
from fuzz.targets.site import told

WORDS: Final = (
    *(
        b"name = ",
        b"about = ",
        b"queue = ",
        b"side_effect = ",
        b"[[routes]]",
        b"[data.",
        b"type = ",
        b'"text"',
    ),
    *(
        b'"integer"',
        b'"decimal"',
        b'"flag"',
        b'"xml"',
        b'"phone"',
        b'"object"',
        b'"array"',
        b'"minute"',
        b'"date"',
    ),
    *(b'"time"', b"[reply]", b"shape = ", b"members = ", b'"contacts"', b'"echo"', b"[cache]", b"[example]"),
    *(b"default = ", b"one_of = ", b"least = ", b"goes_as = ", b"[" * 400, b"{a=" * 300, b"9" * 4400, b"nan"),
    *(b"side_effect_when = ", b"told_by = ", b"refuses = ", b"repeats = ", b"others = ", b"from_xml = "),
)


def check(data: bytes) -> None:
    """Read the bytes as a declaration, beside those of the contract."""
    text = data.decode(errors="replace")
    try:
        declaration = read(text, "site.toml")
        operation = Declared(declaration, Rules())
        faults = list(example_faults(operation))
        Catalogue(Rules(), (*OPERATIONS, declaration))
    except BadDeclaration as bad:
        if not bad.faults or any("site.toml" not in fault for fault in bad.faults):
            raise AssertionError(bad.faults) from bad
        return
    if faults:  # `bridge.declarations.read_file` refuses it
        return
    json.dumps(operation.schema(), allow_nan=False)
    try:
        operation.translate(Envelope(*operation.routes[0].request, source=None, data={}))
    except InvalidData as invalid:
        told(invalid)
