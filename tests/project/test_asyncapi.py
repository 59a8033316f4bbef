"""The AsyncAPI document that is stored, and what docs/contract.md says of failures."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.schemas import fits

from bridge.advice import ADVICE
from bridge.app import topology
from bridge.asyncapi import document
from bridge.asyncapi.text import text
from bridge.bus.topology import Binding, Exchange
from bridge.cli import main
from bridge.failures import ERROR_TYPES, Failure
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.fieldforms import FORMS
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.pages import pages
from bridge.settings import Amqp, LimitSettings, Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "asyncapi.json"
CONTRACT = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8").splitlines()

ALL: Any = document(Catalogue(Rules(), [*OPERATIONS, *siblings()]), Settings())


def test_the_file_is_what_the_script_writes() -> None:
    """After a change of the contract the file is written anew: .venv/bin/python scripts/write_asyncapi.py."""
    written = runpy.run_path(str(ROOT / "scripts" / "write_asyncapi.py"))["written"]()

    assert written == FILE.read_text(encoding="utf-8")


def test_the_command_prints_the_document_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the site's names, limits and operations."""
    monkeypatch.chdir(tmp_path)
    assert 0 == main(["asyncapi"])
    assert FILE.read_text(encoding="utf-8") == capsys.readouterr().out

    monkeypatch.setenv("BRIDGE_AMQP__PREFIX", "north")
    monkeypatch.setenv("BRIDGE_LIMITS__CONTACTS", "7")
    monkeypatch.setenv("BRIDGE_OPERATIONS__SIBLINGS", '["SetDNC"]')
    assert 0 == main(["asyncapi"])
    printed = json.loads(capsys.readouterr().out)

    binding = printed["channels"]["LCM.WebService.SetDNC"]["bindings"]["amqp"]
    assert "north.requests" == binding["exchange"]["name"]
    count = printed["components"]["schemas"]["GetReservedManualDialContactData"]["properties"]
    assert "7" == count["NumberOfContactsRequired"]["x-check"]["most"]


def test_the_pages_are_made_of_one_document() -> None:
    """Neither changes it for the other, in whatever order they are asked for."""
    catalogue = Catalogue(Rules())
    first, second = pages(catalogue, Settings()), pages(catalogue, Settings())
    page = first["/docs"].make()

    assert FILE.read_text(encoding="utf-8") == first["/asyncapi.json"].make()
    assert FILE.read_text(encoding="utf-8") == second["/asyncapi.json"].make()
    assert page == second["/docs"].make()


def test_the_document_gives_nothing_away() -> None:
    """No host, no user and no file of the site is in it."""
    amqp = Amqp.model_validate({"url": "amqp://someone:secret@rabbit.internal:5672/"})
    settings = Settings(amqp=amqp, access={"CreateContact": ["loader"]})
    told = text(document(Catalogue(Rules(), [*OPERATIONS, *siblings()]), settings))

    assert [] == re.findall(r"someone|secret|rabbit\.internal|loader|\.toml", told)


@pytest.mark.parametrize("name", ALL["components"]["messages"])
def test_each_example_is_valid(name: str) -> None:
    """Against the schemas of its own message, properties and headers too."""
    message = ALL["components"]["messages"][name]
    assert name == "DeadLetter" or message["examples"]

    for example in message.get("examples", ()):
        assert fits(message["headers"], example["headers"], ALL)
        assert fits(message["payload"], example["payload"], ALL)


def keys(value: Any) -> Iterator[str]:
    """Return every key within, but for the names of headers."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            if key != "properties" or "x-bridge-status" not in member:
                yield from keys(member)
    for one in value if isinstance(value, list) else ():
        yield from keys(one)


def test_every_extension_and_type_of_field_is_explained() -> None:
    """In the document itself, and none that there is not."""
    parts = {name: ALL[name] for name in ALL if name not in ("x-extensions", "x-errors", "x-field-types")}
    del parts["components"]
    schemas = {
        name: one for name, one in ALL["components"]["schemas"].items() if not name.endswith("Headers")
    }
    parts["schemas"], parts["messages"] = (
        schemas,
        {
            name: {key: one for key, one in message.items() if key != "examples"}
            for name, message in ALL["components"]["messages"].items()
        },
    )
    used = {key for key in keys(parts) if key.startswith("x-")}
    used |= {"x-errors", "x-field-types", "x-amqp-property"}

    assert sorted(ALL["x-extensions"]) == sorted(used)
    assert sorted(FORMS) == sorted(ALL["x-field-types"])


def test_exchanges_and_queues_are_those_that_are_declared() -> None:
    """With their names and kinds; and each request's routing key leads to the queue that is told."""
    settings = Settings(amqp=Amqp(prefix="north"))
    catalogue = Catalogue(Rules(), [*OPERATIONS, *siblings()])
    told: Any = document(catalogue, settings)
    bindings = [one["bindings"]["amqp"] for one in told["channels"].values() if "bindings" in one]
    parts = list(topology(settings, catalogue).parts())
    exchanges = {(one.name, one.kind) for one in parts if isinstance(one, Exchange)}
    bound = {(one.queue, one.routing_key) for one in parts if isinstance(one, Binding)}

    shown = {(one["exchange"]["name"], one["exchange"]["type"]) for one in bindings if "exchange" in one}
    queues = {one["queue"]["name"] for one in bindings if "queue" in one}
    assert {("north.requests", "topic"), ("north.events", "topic")} == shown
    assert shown <= exchanges
    assert {"north.requests.agent", "north.requests.campaign", "north.dead-letters"} == queues
    for operation in told["operations"].values():
        if operation["action"] == "receive":
            address = told["channels"][operation["channel"]["$ref"].removeprefix("#/channels/")]["address"]
            assert (operation["x-operation"]["queue"], f"*.*.{address.rpartition('.')[2]}") in bound


def test_limits_of_the_site_are_told() -> None:
    """Of the body, too."""
    limits = LimitSettings(body_bytes=1000, depth=5, json_values=6, string_chars=7, header_bytes=2000)
    told: Any = document(Catalogue(Rules()), Settings(limits=limits))

    envelope = told["x-envelope"]
    assert (1000, 5) == (envelope["most-bytes"], envelope["most-levels"])
    assert (6, 7, 2000) == tuple(
        envelope[name] for name in ("most-values", "longest-string", "most-header-bytes")
    )


def test_a_shared_address_says_whose_data_it_takes() -> None:
    """As the catalogue tells it: by members, in order, and what is said of data that is nobody's."""
    alone: Any = document(Catalogue(Rules()), Settings())
    told = ALL["channels"]["LCM.WebService.AddCompliance"]["x-told-by"]
    refusing = alone["channels"]["LCM.WebService.AddCompliance"]["x-told-by"]

    assert ["CreateContact.LCM.WebService.AddCompliance", "AddCompliance"] == [
        one["operation"] for one in told["first-of"]
    ]
    assert 2 == told["first-of"][1]["least"] == refusing["refuses"]["least"]
    assert told["otherwise"]["problem"].startswith("fits none of the operations under this subtopic")
    assert refusing["refuses"]["problem"].startswith("is that of the vendor's other AddCompliance")
    assert {"operation": "CreateContact.LCM.WebService.AddCompliance"} == refusing["otherwise"]


def row(kind: type[Failure]) -> str:
    """Return a failure's line in the contract's table."""
    advice = ADVICE[kind]
    again = advice.again if advice.key is None else f"{advice.again}, {advice.key} key"
    retryable = "yes" if kind.retryable else "no"
    return f"| `{kind.error_type}` | {retryable} | {advice.happened} | {advice.action} | {again} |"


def test_the_contract_gives_the_same_advice() -> None:
    """A line for each failure, in the same order."""
    rows = [row(kind) for kind in ADVICE]
    start = CONTRACT.index(rows[0])

    assert rows == CONTRACT[start : start + len(rows)]


def test_there_is_advice_on_every_failure() -> None:
    """And what may be sent again as it is, is what the reply calls retryable."""
    assert sorted(ERROR_TYPES) == sorted(kind.error_type for kind in ADVICE)
    assert [] == [
        kind.error_type
        for kind, advice in ADVICE.items()
        if kind.retryable != (advice.again == "as it is") or (advice.key is None) != (advice.again == "no")
    ]
