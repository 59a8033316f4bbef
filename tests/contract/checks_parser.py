"""The AsyncAPI document under the eyes of AsyncAPI's own parser, and of a validator of JSON Schema."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.asyncapi import document
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.reading import read
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.settings import Settings

PROGRAM = Path(__file__).parents[2] / "scripts" / "contract"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (PROGRAM / "node_modules" / ".set-up").exists(),
    reason="there is no Node, or its packages are not installed",
)

BARE = """
name = "Bare"
about = "No fields, no example."
side_effect = false
[[routes]]
subtopic = "Bare"
reply = "BareResult"
[reply]
shape = "array"
"""
"""The least that can be declared."""

WIDE = """
name = "Wide"
about = "Every type of field, and a reply that repeats most of them."
side_effect_when = { Flag = true }
[[routes]]
channel = "Site-1"
topic = "Own_topic"
subtopic = "Wide"
reply = "WideResult"
[data.Text]
type = "text"
aliases = ["Words"]
[data.Word]
type = "text"
one_of = ["Yes", "c++", "call back", "not-at-all", "R&D #1 / 2"]
[data.Integer]
type = "integer"
[data.Decimal]
type = "decimal"
required = false
[data.Flag]
type = "flag"
[data.Minute]
type = "minute"
required = false
[data.Date]
type = "date"
default = "24/10/2024"
[data.Time]
type = "time"
[data.Xml]
type = "xml"
[data.Phone]
type = "phone"
[data.Object]
type = "object"
[data.Array]
type = "array"
[reply]
shape = "object"
nothing = "empty"
repeats = ["Text", "Integer", "Decimal", "Flag", "Date", "Object", "Array"]
[reply.members]
Text = "text"
Number = "number"
Consent = "yes_no"
Flag = "flag"
Any = "any"
"""


def looked_at(text: str) -> list[str]:
    """Return what is wrong with a document."""
    ended = subprocess.run(  # noqa: S603 - the project's own
        ["node", str(PROGRAM / "check.mjs")],  # noqa: S607 - whichever Node there is
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = ended.stdout.splitlines()
    assert (ended.returncode == 0) == (not found), ended.stderr
    return found


def of(*declarations: Any, rules: Rules | None = None) -> dict[str, Any]:
    """Return the document of a bridge with these operations beside the contract's."""
    made = document(Catalogue(rules or Rules(), [*OPERATIONS, *declarations]), Settings())
    whole: dict[str, Any] = json.loads(json.dumps(made))
    return whole


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(of, id="the contract"),
        pytest.param(lambda: of(*siblings()), id="all siblings"),
        pytest.param(lambda: of(read(BARE, "bare.toml"), read(WIDE, "wide.toml")), id="a site's own"),
        pytest.param(lambda: of(rules=Rules(single_contact_as_object=True)), id="one contact as an object"),
    ],
)
def test_the_document_is_right(made: Callable[[], dict[str, Any]]) -> None:
    """The parser finds nothing, and every example is valid against the schema of its message."""
    assert [] == looked_at(json.dumps(made()))


def _an_action(whole: dict[str, Any]) -> None:
    whole["operations"]["CreateContact"]["action"] = "publish"


def _a_reference(whole: dict[str, Any]) -> None:
    whole["operations"]["CreateContact"]["channel"]["$ref"] = "#/channels/nowhere"


def _a_binding(whole: dict[str, Any]) -> None:
    whole["channels"]["replies"]["bindings"] = {"amqp": {"is": "nothing"}}


def _an_example(whole: dict[str, Any]) -> None:
    example = whole["components"]["messages"]["CreateContactReply"]["examples"][0]
    example["payload"]["message"]["response"] = 7


def _a_header(whole: dict[str, Any]) -> None:
    del whole["components"]["messages"]["CreateContactFailure"]["examples"][0]["headers"][
        "x-bridge-error-type"
    ]


@pytest.mark.parametrize("spoil", [_an_action, _a_reference, _a_binding, _an_example, _a_header])
def test_what_is_wrong_is_found(spoil: Callable[[dict[str, Any]], None]) -> None:
    """So the silence about the right ones says something."""
    whole = of()
    spoil(whole)

    assert looked_at(json.dumps(whole))


def test_the_packages_are_locked() -> None:
    """What `make contract` installs is named by version and hash, and by no place to get it from."""
    packages = json.loads((PROGRAM / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    assert [] == [
        name for name, one in packages.items() if name and ("integrity" not in one or "resolved" in one)
    ]
