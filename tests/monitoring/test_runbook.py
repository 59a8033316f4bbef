"""The runbook: a chapter for each alert, and nothing in it that does not exist."""

import argparse
import re
import shlex
from pathlib import Path

import pytest
import yaml
from support.rules import ALERTS, ROOT, RUNBOOK, faults

from bridge import cli

BUS = ROOT / "bridge" / "bus" / "bus.py"
TEXT = RUNBOOK.read_text(encoding="utf-8")
CHAPTERS = {chapter.split("\n", 1)[0].strip(): chapter for chapter in re.split(r"(?m)^## ", TEXT)[1:]}
NAMES = sorted({alert.name for alert in ALERTS})
PARTS = ["What it means.", "Confirm.", "Do.", "Do not."]

EXPRESSIONS = sorted(
    {line for block in re.findall(r"(?s)```promql\n(.*?)```", TEXT) for line in block.splitlines()}
    | {
        quoted
        for quoted in re.findall(r"`([^`]+)`", TEXT)
        if re.match(r"(sum|min|max|count|rate) ?(by|\()", quoted)
    }
)
EVENTS = sorted(set(re.findall(r"`((?:[a-z_]+)\.[a-z_]+)`", TEXT)))
CONNECTIONS = {
    name.removeprefix("lcm-bridge ")
    for name in re.findall(r'Link\(\s*"([^"]+)"', BUS.read_text(encoding="utf-8"))
}
COMMANDS = sorted(set(re.findall(r"`(?:kubectl [^`]*-- )?lcm-bridge ([a-z][^`]*)`", TEXT)) - CONNECTIONS)

SETTINGS = re.findall(
    r"(?m)^\[(\w+)\]|^# (\w+) = ", (ROOT / "config" / "bridge.toml").read_text(encoding="utf-8")
)


def settings() -> set[str]:
    """Return the names of all settings, as ``group.name``."""
    group, found = "", set()
    for heading, name in SETTINGS:
        group = heading or group
        if name:
            found.add(f"{group}.{name}")
    return found


def logged() -> set[str]:
    """Return the names of events that the bridge logs, as its code has them."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "bridge").rglob("*.py")]
    return {name for source in sources for name in re.findall(r'"([a-z_]+\.[a-z_]+)"', source)}


def test_each_alert_has_a_chapter_and_each_chapter_an_alert() -> None:
    """Besides where to look first, the chapters are the alerts."""
    assert ["Where to look first", *NAMES] == sorted(CHAPTERS, key=lambda name: (name in NAMES, name))


@pytest.mark.parametrize("name", NAMES)
def test_each_chapter_has_four_parts(name: str) -> None:
    """What it means, how to confirm it, what to do and what not to do, in this order."""
    assert PARTS == re.findall(r"(?m)^\*\*(.+?)\*\*", CHAPTERS[name])
    assert "```promql" in CHAPTERS[name]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_a_person_is_told_to_ask_exists(expression: str) -> None:
    """Each expression can be parsed, and asks for series and labels that workers have."""
    assert [] == faults(expression)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_person_is_told_to_type_exists(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is taken by the command line, with its options."""
    arguments = shlex.split(command.replace("ID", "7a9f95c7a70a"))
    module = f"bridge.cli.{arguments[0].replace('-', '_')}"
    called: list[argparse.Namespace] = []

    def instead(args: argparse.Namespace) -> int:
        called.append(args)
        return 0

    monkeypatch.setattr(f"{module}.main", instead)

    assert 0 == cli.main(arguments)
    assert 1 == len(called)


def test_what_a_person_is_told_to_search_for_exists() -> None:
    """Each dotted name is an event that the bridge logs, or a setting."""
    assert set() == set(EVENTS) - logged() - settings() - {"lcm.requests"}
    assert 15 < len(set(EVENTS) & logged())


def test_what_alertmanager_is_told_exists() -> None:
    """Each rule of inhibition names alerts that there are, and keeps a site's alerts to that site."""
    [block] = re.findall(r"(?s)```yaml\n(.*?)```", TEXT)
    told = yaml.safe_load(block)["inhibit_rules"]
    named = {
        name
        for rule in told
        for matcher in rule["source_matchers"] + rule["target_matchers"]
        if (found := re.fullmatch(r'alertname=~?"(.+)"', matcher))
        for name in found[1].split("|")
    }

    assert named <= set(NAMES)
    assert 4 < len(named)
    assert [["namespace", "job"]] * len(told) == [rule["equal"] for rule in told]


def test_links_lead_somewhere() -> None:
    """Each anchor is a heading, here or on the page that is named; each page is there."""
    for page, anchor in re.findall(r"\]\(([\w./-]*)#?([\w-]*)\)", TEXT):
        path = RUNBOOK.parent / page if page else RUNBOOK
        assert path.is_file(), page
        assert not anchor or anchor in anchors(path), f"{page}#{anchor}"


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
