"""The alerts as promtool sees them: each fires when it must, and is silent where it must be.

The cases stand in ``rules/*.yaml``: promtool's own unit tests, one file or two for each alert.
"""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.rules import ALERTS, FILE

CASES = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
NAMES = sorted({alert.name for alert in ALERTS})

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is missing: scripts/setup.sh installs it, by the distribution's package prometheus",
)


def promtool(*arguments: str | Path) -> str:
    """Run promtool; what it says is the message where it fails."""
    program = shutil.which("promtool")
    assert program is not None
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own files
    said = done.stdout + done.stderr
    assert 0 == done.returncode, said
    return said


@cache
def cases() -> list[dict[str, Any]]:
    """Return every case of every file."""
    return [test for path in CASES for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]


def expectations() -> list[tuple[str, dict[str, Any]]]:
    """Return each look at an alert at one moment, with the alert's name."""
    return [(look["alertname"], look) for test in cases() for look in test["alert_rule_test"]]


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    """Every rule can be read, and none is there twice."""
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", FILE)

    assert "SUCCESS" in said


@needs_promtool
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_must_and_are_silent_when_not(path: Path) -> None:
    """At each moment of each case exactly the alerts fire that are expected, with these very texts."""
    assert "SUCCESS" in promtool("test", "rules", path)


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_a_case_and_a_look_alike(name: str) -> None:
    """Some case has it fire, and some case that looks like it has it silent from beginning to end."""
    fires = [look for alert, look in expectations() if alert == name and look["exp_alerts"]]
    silent = [
        test["name"]
        for test in cases()
        if all(look["alertname"] == name and not look["exp_alerts"] for look in test["alert_rule_test"])
    ]

    assert fires, f"no case has {name} fire"
    assert silent, f"no case has {name} silent all the time"


def test_each_variant_of_an_alert_has_a_case() -> None:
    """Where one name has two severities, each is seen to fire."""
    fired = {
        (name, alert["exp_labels"]["severity"])
        for name, look in expectations()
        for alert in look["exp_alerts"]
    }

    assert {(alert.name, alert.labels["severity"]) for alert in ALERTS} == fired


def test_alerts_are_told_by_site_queue_operation_and_server_never_by_worker() -> None:
    """No label of an alert names a worker: ten workers that see the same are one alert."""
    labels = {
        label for _, look in expectations() for alert in look["exp_alerts"] for label in alert["exp_labels"]
    }

    assert {"namespace", "job", "queue", "operation", "server", "severity"} == labels
