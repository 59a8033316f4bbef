"""docs/security.md: the tests that it names are there, and its users are those that the tests run as."""

import re
from pathlib import Path

from support import permitted

from bridge.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = permitted.PAGE.read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
LIMIT = re.compile(r"^\| [^|]+ \| `([a-z_]+)\.([a-z_]+)` \| ([0-9,]+) \|", re.MULTILINE)


def test_each_test_that_is_named_is_there() -> None:
    """Else the page claims what nothing shows."""
    sources = {file: (ROOT / file).read_text(encoding="utf-8") for file, _ in NAMED}

    assert len(NAMED) > 90
    assert [] == [(file, test) for file, test in NAMED if f"def {test}(" not in sources[file]]


def test_nearly_every_line_of_a_table_names_a_test() -> None:
    """A threat without one is not shown to be met."""
    promised = PAGE.partition("## What is promised")[2].partition("## What is not defended")[0]
    rows = [line for line in promised.splitlines() if line.startswith("| ") and "---" not in line]
    heads = ("| | because |", "| threat |")
    assert [] == [row for row in rows if "`tests/" not in row and not row.startswith(heads)]


def test_the_limits_are_those_of_the_settings() -> None:
    """Each with its default."""
    settings = Settings()
    told = {(group, name): int(default.replace(",", "")) for group, name, default in LIMIT.findall(PAGE)}

    assert {"limits"} < {group for group, _ in told}
    assert {"limits"} & set(Settings.model_fields)
    assert {("limits", name) for name in type(settings.limits).model_fields} <= set(told)
    for (group, name), default in told.items():
        assert default == getattr(getattr(settings, group), name), (group, name)


def test_the_licence_of_each_dependency_is_told() -> None:
    """Of what is locked for running it, with the extra otel or without, and of nothing else."""
    locked = {
        name
        for lock in ("requirements.lock", "requirements-otel.lock")
        for name in re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    }
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", PAGE.partition("| packages | licence |")[2], re.MULTILINE)
    told = [name for row in rows for name in row.rpartition(": ")[2].split(", ")]

    assert sorted(locked) == sorted(told)


def test_the_users_are_read_from_the_page() -> None:
    """All of them: the tests run with their permissions."""
    assert ["bridge", "bridge-undeclaring", "operator", "publisher", "crm", "listener"] == list(
        permitted.documented()
    )
