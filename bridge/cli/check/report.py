"""How findings are shown: a table for people, JSON for programs. Log-ins in what libraries say are hidden."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

import orjson
from rich.text import Text

from bridge import __version__
from bridge.cli import display
from bridge.cli.check.finding import Finding
from bridge.cli.display import console, plain
from bridge.logs import hide_log_ins

Dependency = Literal["RabbitMQ", "Redis", "LCM"]
Found = Mapping[Dependency, list[Finding]]

_SHOWN: Final = 3
"""Findings of one check in one state that the table shows in full."""

_STATES: Final = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "failed": ("FAILED", "red")}


def print_table(found: Found) -> None:
    """Print a row for each finding, and the sum of them as the last line."""
    rows = []
    for dependency, findings in found.items():
        for finding in _few(findings):
            word, colour = _STATES[finding.state]
            text = hide_log_ins(finding.found)
            if finding.advice:
                text += f"\n-> {hide_log_ins(finding.advice)}"
            took = "" if finding.milliseconds is None else f"{finding.milliseconds:6.1f}"
            what = f"{finding.check} {finding.subject}".rstrip()
            rows.append((dependency, what, Text(word, colour), took, text))
    display.print_table(("", "check", "", "    ms", "found"), rows)
    console().print(plain(summary(found)), soft_wrap=True)


def _few(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings, but of many alike only the first few: a cause may show at every queue."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.check, finding.state), []).append(finding)
    for several in alike.values():
        yield from several[:_SHOWN]
        if more := several[_SHOWN:]:
            names = ", ".join(dict.fromkeys(one.subject for one in more))
            yield replace(more[0], subject="", found=f"{len(more)} more: {names}", advice="--json tells all")


def summary(found: Found) -> str:
    """Say in one line how many checks there were, and which of them are not well."""
    count = sum(len(findings) for findings in found.values())
    ill = {state: list(_not_well(found, state)) for state in ("failed", "warning")}
    parts = []
    if ill["failed"]:
        parts.append(f"{len(ill['failed'])} failed ({', '.join(dict.fromkeys(ill['failed']))})")
    if ill["warning"]:
        named = f" ({', '.join(dict.fromkeys(ill['warning']))})"
        parts.append(f"{len(ill['warning'])} to look at{named}")
    if not ill["failed"]:
        parts.insert(0, "ok")
    return f"{count} checks: {', '.join(parts)}"


def _not_well(found: Found, state: str) -> Iterator[str]:
    for dependency, findings in found.items():
        for finding in findings:
            if finding.state == state:
                yield f"{dependency} {finding.check}"


def as_json(found: Found) -> None:
    """Print one JSON document; docs/operating.md describes it."""
    checks = [_entry(dependency, one) for dependency, findings in found.items() for one in findings]
    document = {
        "ok": all(entry["state"] != "failed" for entry in checks),
        "version": __version__,
        "checks": checks,
    }
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def _entry(dependency: Dependency, finding: Finding) -> dict[str, Any]:
    entry: dict[str, Any] = {"dependency": dependency, "check": finding.check}
    if finding.subject:
        entry["subject"] = finding.subject
    entry |= {
        "state": finding.state,
        "found": _encodable(hide_log_ins(finding.found)),
        "next": _encodable(hide_log_ins(finding.advice)),
    }
    if finding.milliseconds is not None:
        entry["milliseconds"] = finding.milliseconds
    return entry


def _encodable(text: str) -> str:
    """Replace what is no Unicode: HTTP headers can hold any byte, which Python keeps as a lone surrogate."""
    return text.encode(errors="replace").decode()
