"""Declarations that are right each by itself, and do not go together."""

import pytest

from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.conflicts import MOST_OPERATIONS
from bridge.operations.declared.reading import BadDeclaration, Declaration, read
from bridge.operations.model import Rules


def declared(name: str, subtopic: str) -> Declaration:
    """Return a declaration in which nothing is wrong."""
    text = f"""
name = "{name}"
about = "A thing."
side_effect = false
routes = [{{ subtopic = "{subtopic}", reply = "Thing" }}]
reply = {{ shape = "object", members = {{ Name = "text" }} }}
"""
    return read(text, f"{name}.toml")


@pytest.mark.parametrize(
    ("name", "subtopic", "expected"),
    [
        ("getreservedcontactod", "X", "name: getreservedcontactod is the name of built-in"),
        ("X", "SkipManualDialContact", "routes[0]: LCM/WebService/SkipManualDialContact is"),
        ("X", "skipmanualdialcontact", "routes[0]: LCM/WebService/skipmanualdialcontact is"),
        ("X", "AddCompliance", "routes[0]: LCM/WebService/AddCompliance is an address of"),
        ("X", "CREATECONTACT", "routes[0].subtopic: CREATECONTACT is bound to the campaign"),
    ],
)
def test_declarations_that_do_not_go_together_are_refused(name: str, subtopic: str, expected: str) -> None:
    """A name or an address that is taken, in whatever case, with the files of both."""
    with pytest.raises(BadDeclaration) as bad:
        Catalogue(Rules(), [*OPERATIONS, declared(name, subtopic)])

    assert [fault for fault in bad.value.faults if fault.startswith(f"{name}.toml: {expected}")]
    assert all("built-in" in fault for fault in bad.value.faults)


def test_there_are_not_too_many_operations() -> None:
    """Each is a value of a label of the metrics, so their number has a bound."""
    many = [declared(f"Get{number}", f"Get{number}") for number in range(MOST_OPERATIONS)]

    Catalogue(Rules(), many)
    with pytest.raises(BadDeclaration, match="at most 200"):
        Catalogue(Rules(), [*OPERATIONS, *many])
