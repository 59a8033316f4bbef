"""The contract's page: it is the document's, it is one file, and no text can become markup."""

import base64
import hashlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from page.reading import Reader

from bridge.asyncapi import document
from bridge.cli import main
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.reading import read
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.page.contract import Contract
from bridge.page.page import render
from bridge.page.programs import LANGUAGES, program
from bridge.page.scripts import POLICY
from bridge.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "index.html"
DOCUMENT: Any = document(Catalogue(Rules(), [*OPERATIONS, *siblings()]), Settings())
CONTRACT = Contract(DOCUMENT)
TEXT = render(DOCUMENT)
PAGE = Reader(TEXT)

EVIL = (
    """</script></style></code><script>alert(1)</script><img src=x onerror=alert(1)>" ' & `</code>` $script"""
)
HOSTILE = f"""
name = "Hostile"
about = '''{EVIL}'''
side_effect = false
[[routes]]
subtopic = "Hostile"
reply = "HostileResult"
[data.Field]
type = "text"
about = '''{EVIL}'''
one_of = ['''<b>"'&`''', '''</script>''']
[data.Text]
type = "text"
default = '''{EVIL}'''
[reply]
shape = "array"
repeats = ["Text"]
[example]
data = '''{json.dumps({"Field": "</script>", "Text": EVIL})}'''
result = '''{json.dumps([EVIL])}'''
"""


def test_the_file_is_what_the_script_writes() -> None:
    """After a change it is written anew: .venv/bin/python scripts/write_page.py."""
    written = runpy.run_path(str(ROOT / "scripts" / "write_page.py"))["written"]()

    assert written == FILE.read_text(encoding="utf-8")


def test_the_command_writes_the_page_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """To the standard output, or into a file that can be written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_AMQP__PREFIX", "north")
    assert 0 == main(["docs"])
    printed = capsys.readouterr().out
    assert "north.requests" in printed
    assert 0 == main(["docs", "page.html"])
    assert printed == (tmp_path / "page.html").read_text(encoding="utf-8")

    assert 1 == main(["docs", "no/such/folder.html"])
    assert "no/such/folder.html cannot be written: No such file or directory\n" == capsys.readouterr().err


def test_every_operation_is_told_whole() -> None:
    """Its fields with their other names, its routes, and its example."""
    sections = {one.attributes["id"]: one for one in PAGE.all("article")}

    assert 28 == len(CONTRACT.operations) == len(sections)
    for operation in CONTRACT.operations:
        text = sections[f"operation-{operation.name}"].text
        for field in operation.fields:
            assert {field.name, *field.aliases} <= set(re.findall(r"\w+", text)), (operation.name, field)
        for route in operation.routes:
            assert " / ".join(route.request) in text
            assert " / ".join(route.reply or ["never answered"]) in text
        assert json.dumps(operation.envelope, indent=2, ensure_ascii=False) in text


def test_every_failure_is_told_with_what_to_do() -> None:
    """In the words of the document."""
    [table] = [one for one in PAGE.all("table") if one.attributes["aria-label"] == "Failures"]

    assert len(CONTRACT.errors) > 10
    for error in CONTRACT.errors:
        assert error["errorType"] in table.text
        assert error["action"].replace("`", "") in table.text


def test_no_text_of_the_document_becomes_markup() -> None:
    """Whatever a site's declaration says: it is shown as it stands."""
    catalogue = Catalogue(Rules(), [read(HOSTILE, "hostile.toml")])
    text = render(document(catalogue, Settings()))
    page = Reader(text)

    assert 2 == len(page.all("script"))
    assert 1 == len(page.all("style"))
    assert [] == page.all("img")
    assert [] == [name for one in page.elements for name in one.attributes if name.startswith("on")]
    [section] = page.all("article")
    shown = EVIL.replace("`", "")
    assert 2 <= section.text.count(shown)
    assert {"Field": "</script>", "Text": EVIL} == json.loads(
        json.loads(page.all("script")[0].text)["operations"]["Hostile"]["envelope"]
    )["data"]


def test_the_page_asks_nothing_of_anybody() -> None:
    """Its links lead to places within it, its icon is empty, and its style loads nothing."""
    places = set(PAGE.values("id"))
    links = PAGE.values("href")

    assert len(places) == len(PAGE.values("id"))
    assert {"data:,"} == {link for link in links if not link.startswith("#")}
    assert set() == {link[1:] for link in links if link.startswith("#")} - places
    assert [] == PAGE.values("src") + PAGE.values("action") + PAGE.values("style")
    assert not re.search(r"url\(|@import", PAGE.all("style")[0].text)


def test_the_policy_allows_this_style_and_this_script_alone() -> None:
    """By the hashes of what stands in the page, and nothing by default."""
    inline = {"style-src": PAGE.all("style")[0].text, "script-src": PAGE.all("script")[1].text}
    directives = dict(one.split(" ", 1) for one in POLICY.split("; "))

    assert "'none'" == directives["default-src"]
    for name, text in inline.items():
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" == directives[name]
    [meta] = [one for one in PAGE.all("meta") if "http-equiv" in one.attributes]
    assert POLICY == meta.attributes["content"]


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_program_holds_the_envelope_to_the_letter(name: str) -> None:
    """For every operation; a backslash is written twice where the language wants it."""
    for operation in CONTRACT.operations:
        text = program(name, CONTRACT, operation)
        begin, end = text.index('{\n  "channel"'), text.rindex('\n}\n"""' if name != "javascript" else "\n};")
        envelope = text[begin : end + 2]
        if LANGUAGES[name].escapes:
            envelope = envelope.replace("\\\\", "\\")
        assert operation.envelope == json.loads(envelope)
        assert f'"{operation.routes[0].routing_key}"' in text
        assert not re.search("@[A-Z_]+@", text)


def test_the_program_in_python_is_python() -> None:
    """For every operation."""
    for operation in CONTRACT.operations:
        compile(program("python", CONTRACT, operation), operation.name, "exec")
