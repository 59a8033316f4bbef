"""The table of events in docs/operating.md says what is in the code, and all of it."""

import ast
import re
from pathlib import Path

from bridge.logs.lines import APART

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
ROW = re.compile(
    r"^\| `([a-z_]+\.[a-z_]+)` \| (debug|info|warning|error|critical) \| \S.* \| \S.* \|$", re.MULTILINE
)
OF_A_REQUEST = (
    *("lcm.call_", "ledger.claim_lost", "ledger.not_", "ledger.record_occupied", "ledger.recorded_late"),
    *("ledger.unreadable_record", "contact_cache.not_updated", "contact_cache.unreadable_record"),
    *("publish.failed", "reply.", "request."),
)
NAME = re.compile(r"[a-z_]+\.[a-z_]+")


def calls() -> list[tuple[str, ast.Call]]:
    """Return every log call in the code: ``log.info(...)`` or ``_log().info(...)``, with where it stands.

    Not those of the client: it logs in the process of whoever uses it, by Python's own logging.
    """
    return [
        (f"{file.relative_to(ROOT)}:{node.lineno}", node)
        for file in sorted((ROOT / "bridge").rglob("*.py"))
        if ROOT / "bridge/client" not in file.parents
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) in ("log", "_log()")
    ]


def name_of(call: ast.Call) -> str:
    """Return the name of the event, which is the first argument and written out."""
    assert isinstance(call.args[0], ast.Constant), ast.unparse(call)
    return str(call.args[0].value)


def level_of(call: ast.Call) -> str:
    """Return the level that the line bears."""
    assert isinstance(call.func, ast.Attribute)
    return "error" if call.func.attr == "exception" else call.func.attr


def test_the_table_of_events_is_the_code_s() -> None:
    """Each event that is logged stands in the table with its level, and each of the table is logged."""
    logged = {(name_of(call), level_of(call)) for _, call in calls()}
    told = ROW.findall((ROOT / "docs/operating.md").read_text())

    assert sorted(logged) == sorted(told)


def test_every_logger_is_known_to_this_test() -> None:
    """No line is written by another name than those that `calls` looks for."""
    text = "\n".join(file.read_text() for file in sorted((ROOT / "bridge").rglob("*.py")))

    assert {"log = structlog.get_logger(__name__)", "return structlog.get_logger(__name__)"} == set(
        re.findall(r"\S+ =? ?structlog\.get_logger\(.*", text)
    )
    assert not re.findall(r"getLogger\([^)]*\)\.(?:debug|info|warning|error|exception|critical)\(", text)


def test_names_of_events_have_one_dot() -> None:
    """Thing and what became of it, in small letters: they are never personal, and easy to look for."""
    assert [] == [where for where, call in calls() if not NAME.fullmatch(name_of(call))]


def test_what_goes_wrong_has_a_cause_and_what_comes_next() -> None:
    """Each warning and error says ``next``, and each error its ``error`` or a traceback."""
    without = []
    for where, call in calls():
        keys = {keyword.arg for keyword in call.keywords}
        if level_of(call) in ("warning", "error", "critical") and "next" not in keys:
            without.append((where, "next"))
        if ast.unparse(call.func).endswith(".exception") and "error" not in keys:
            without.append((where, "error"))

    assert [] == without


def test_each_event_is_about_a_request_or_about_something_else() -> None:
    """Those about RabbitMQ, Redis, LCM, the collector or the process bear no ids of whoever noticed."""
    names = {name_of(call) for _, call in calls()}

    assert {name for name in names if name.startswith(OF_A_REQUEST)} == {
        name for name in names if not name.startswith(APART)
    }
