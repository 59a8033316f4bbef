"""Templates of requests: every field, with values that are taken."""

from dataclasses import replace
from functools import cache

import pytest

from bridge.envelope import Envelope
from bridge.jsontypes import JsonObject
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import Declaration, read
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.operations.templates import template

ALL = [*OPERATIONS, *siblings()]
EVERY_TYPE = (
    """
name = "Everything"
about = "A field of each type."
side_effect = false
[[routes]]
subtopic = "Everything"
reply = "Everything"
[reply]
shape = "success"
[data.optional]
type = "integer"
required = false
[data.flagged]
type = "flag"
yes = "Y"
no = "N"
default = false
"""
    + "".join(
        f"[data.{name}]\n{keys}\n"
        for name, keys in {
            "text": 'type = "text"\nshortest = 6\nlongest = 7',
            "word": 'type = "text"\none_of = ["Up", "Down"]',
            "integer": 'type = "integer"\nleast = 5',
            "below": 'type = "integer"\nmost = -5',
            "decimal": 'type = "decimal"\nleast = 2',
            "flag": 'type = "flag"',
            "minute": 'type = "minute"',
            "date": 'type = "date"',
            "time": 'type = "time"',
            "xml": 'type = "xml"',
            "phone": 'type = "phone"\nlongest = 4',
            "object": 'type = "object"',
            "array": 'type = "array"',
            "shown": 'type = "text"\naliases = ["Other"]',
        }.items()
    )
    + """[example]
data = '{"OTHER": "by another name"}'
"""
)


def asked(operation: Declared, data: JsonObject) -> Envelope:
    """Return the request by the operation's first route."""
    return Envelope(*operation.routes[0].request, source=None, data=data)


def without_example(declaration: Declaration) -> Declaration:
    """Return a declaration that a site wrote without an example."""
    return replace(declaration, form=declaration.form.model_copy(update={"example": None}))


@cache
def everything(shown: bool) -> Catalogue:  # noqa: FBT001 - a parameter of the test
    """Return every operation that comes with the bridge, with their examples or without."""
    return Catalogue(Rules(), [one if shown else without_example(one) for one in ALL])


@pytest.mark.parametrize("shown", [True, False], ids=["example", "none"])
@pytest.mark.parametrize("declaration", ALL, ids=lambda one: one.name)
def test_a_template_is_a_request(declaration: Declaration, shown: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """It is taken as it stands, by the operation that it is of; what must be there comes first."""
    catalogue = everything(shown)
    [operation] = [one for one in catalogue.operations if one.name == declaration.name]
    data = template(operation)
    must = [field.name for field in operation.fields if field.required]

    assert {field.name for field in operation.fields} == set(data)
    assert must == list(data)[: len(must)]
    found, _ = catalogue.find(asked(operation, data))
    assert operation.name == found.name
    assert found.translate(asked(operation, data))


def test_values_are_those_of_the_example_else_the_defaults() -> None:
    """The example's under any name that it uses; LCM is told nothing of what is in neither."""
    known = {one.name: one for one in Catalogue(Rules(), ALL).operations}
    upload, contact = template(known["AddCompliance"]), template(known["CreateContact"])

    assert ("609309034", "24/10/2024 07:33", None) == (
        upload["CValue"],
        upload["StartDate"],
        upload["CampaignCategory"],
    )
    assert (4, "", {"first_name": "test", "last_name": "test"}) == (
        contact["Status"],
        contact["AgentID"],
        contact["BussinessFields"],
    )


def test_there_is_a_value_of_every_type() -> None:
    """Within its limits, where nothing gives one; a default in the form of a request, not of LCM's wire."""
    operation = Declared(read(EVERY_TYPE, "every.toml"), Rules())
    expected: JsonObject = {
        "text": "textxx",
        "word": "Up",
        "integer": 5,
        "below": -5,
        "decimal": 2,
        "flag": False,
        "minute": "24/10/2024 07:33",
        "date": "24/10/2024",
        "time": "07:33",
        "xml": "<Data/>",
        "phone": "2082",
        "object": {},
        "array": [],
        "shown": "by another name",
        "optional": None,
        "flagged": False,
    }

    assert list(expected.items()) == list(template(operation).items())
    assert operation.translate(asked(operation, template(operation)))
