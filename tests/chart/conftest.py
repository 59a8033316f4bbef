"""Helm's engine, the sets of values, and a list of what was checked and what was left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart.helm import Helm, Rendered, helm

VALUES = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).parent / "values").glob("*.yaml"))
}

WITHOUT_A_CLUSTER = (
    "admission and defaults of an API server, and what controllers make of the resources:",
    "rolling updates, disruption budgets, network policies, scaling, probes by a kubelet.",
)

_about: dict[str, str] = {}


@pytest.fixture(scope="session")
def engine() -> Iterator[Helm]:
    """Run Helm's engine."""
    with helm() as running:
        yield running


@pytest.fixture(scope="session")
def rendered(engine: Helm) -> dict[str, Rendered]:
    """Render the chart with every set of values."""
    return {name: engine.render(values) for name, values in VALUES.items()}


@pytest.fixture(params=VALUES)
def case(request: pytest.FixtureRequest) -> str:
    """Name each set of values."""
    return str(request.param)


@pytest.fixture
def values(case: str) -> dict[str, Any]:
    """Return each set of values."""
    return dict(VALUES[case])


@pytest.fixture
def chart(case: str, rendered: dict[str, Rendered]) -> Rendered:
    """Return the chart as rendered with each set of values."""
    return rendered[case]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note what each test says that it looks at."""
    for item in items:
        function = getattr(item, "function", None)
        _about[item.nodeid] = (function.__doc__ or item.name) if function else item.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in words what holds, and what was not looked at."""
    for outcome, title in (("passed", "what holds"), ("skipped", "left out")):
        found: dict[str, int] = {}
        for report in terminalreporter.getreports(outcome):
            if report.nodeid in _about and (outcome == "skipped" or report.when == "call"):
                text = _about[report.nodeid].partition("\n")[0]
                found[text] = found.get(text, 0) + 1
        if found:
            terminalreporter.section(title)
        for text, times in found.items():
            terminalreporter.line(f"{times:4}x  {text}")
    terminalreporter.section("never looked at without a cluster")
    for line in WITHOUT_A_CLUSTER:
        terminalreporter.line(f"      {line}")
