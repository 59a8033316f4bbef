"""The dashboard: what Grafana imports, what its panels ask for, and that a person can read it."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import promql_parser
import pytest
from support.rules import ALERTS, RECORDS, parts, selectors, series_of_the_bridge

from monitoring import dashboard
from monitoring.panels import RUNBOOK, graph, q
from monitoring.paths import DASHBOARD
from monitoring.promql import METRICS, family, rate, series
from monitoring.rows import Row
from monitoring.schema import faults

DOCUMENT: dict[str, Any] = json.loads(DASHBOARD.read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DOCUMENT["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
ANNOTATIONS = [(one["name"], one["expr"]) for one in DOCUMENT["annotations"]["list"]]
EXPRESSIONS = [(title, target["expr"]) for title, target in TARGETS] + ANNOTATIONS
PLATFORM_LABELS = {"namespace", "job", "pod", "instance"}
SERIES = series_of_the_bridge()
OF_A_HISTOGRAM = r"_(bucket|count|sum)$"

by_title = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def parsed(expression: str) -> promql_parser.Expr:
    """Parse an expression with Grafana's own variables replaced."""
    text = expression.replace("$__rate_interval", "5m").replace("$__range", "1h")
    assert "$__" not in text
    return promql_parser.parse(text)


def matchers(selector: Any) -> dict[str, list[str]]:
    """Return what a selector matches, by label."""
    found: dict[str, list[str]] = {}
    for matcher in selector.matchers.matchers:
        found.setdefault(matcher.name, []).append(matcher.value)
    return found


def kept_labels(expression: str) -> set[str]:
    """Return the labels that any aggregation in an expression keeps."""
    modifiers = [getattr(one, "modifier", None) for one in parts(parsed(expression))]
    return {
        label
        for modifier in modifiers
        if isinstance(modifier, promql_parser.AggModifier)
        for label in modifier.labels
    }


def test_committed_dashboard_is_what_the_code_writes() -> None:
    """The dashboard cannot drift from the code: `make dashboard` would change nothing."""
    assert DASHBOARD.read_text() == dashboard.text()


def test_dashboard_is_as_grafana_has_it() -> None:
    """Every member is one of Grafana's schema and has its type; nothing required is missing."""
    assert faults(DOCUMENT) == []


def first(document: dict[str, Any]) -> dict[str, Any]:
    """Return the first panel that is no row."""
    return next(panel for panel in document["panels"] if panel["type"] != "row")


@pytest.mark.parametrize(
    ("breaking", "said"),
    [
        (lambda document: document.update(titel="x"), "titel: unknown"),
        (lambda document: document.pop("schemaVersion"), "schemaVersion: missing"),
        (lambda document: document["panels"].append(3), "cannot be read as Dashboard"),
        (lambda document: document["templating"]["list"][1].update(multi="yes"), "'yes' is no bool"),
        (lambda document: document["annotations"]["list"][0].update(enable=1), "1 is no bool"),
        (lambda document: first(document).update(type="stats"), "stats is no kind of panel"),
        (lambda document: first(document)["gridPos"].update(w="4"), "'4' is no int"),
        (lambda document: first(document)["targets"][0].pop("expr"), "expr: missing"),
        (lambda document: first(document)["targets"][0].update(expression="x"), "expression: unknown"),
        (lambda document: first(document)["options"].update(graphMode="areas"), "no BigValueGraphMode"),
        (lambda document: first(document)["links"][0].update(type="lnk"), "no DashboardLinkType"),
    ],
)
def test_broken_dashboard_is_refused(breaking: Callable[[dict[str, Any]], object], said: str) -> None:
    """A member that is misspelt, missing, or of another type is named."""
    broken = copy.deepcopy(DOCUMENT)
    breaking(broken)
    assert said in "; ".join(faults(broken))


def test_label_that_a_metric_lacks_fails_the_build() -> None:
    """A selector or an aggregation by a label that no series has cannot be written."""
    with pytest.raises(ValueError, match="lcm_bridge_replies_total has no label queue, only outcome"):
        series(METRICS.replies, queue='="agent"')
    with pytest.raises(ValueError, match="lcm_bridge_lcm_retries_total has no label outcome, only method"):
        rate(METRICS.lcm_retries, "outcome")


def test_metric_that_is_not_there_fails_the_build() -> None:
    """A family of the process that no worker tells cannot be named."""
    with pytest.raises(ValueError, match="the bridge has no metric process_threads"):
        family("process_threads")


def test_line_that_is_not_full_fails_the_build() -> None:
    """A row whose panels leave a hole in the grid, or do not fit, is refused."""
    narrow = graph("narrow", "About.", "Bad.", "s", q("vector(1)", "one"), width=23)
    with pytest.raises(ValueError, match="the last line of Row has 23 columns"):
        dashboard.text([Row("Row", [narrow])])
    with pytest.raises(ValueError, match="narrow does not fit into its line of Row"):
        dashboard.text([Row("Row", [narrow, narrow])])


def test_panels_have_a_number_each_and_a_place_each() -> None:
    """No two panels share an id or a cell of the grid, and none sticks out of its 24 columns."""
    ids = [panel["id"] for panel in DOCUMENT["panels"]]
    assert len(ids) == len(set(ids))
    cells = [
        (column, line)
        for panel in DOCUMENT["panels"]
        for place in [panel["gridPos"]]
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {column for column, _ in cells} == set(range(24))


@by_title
def test_panel_explains_itself(panel: dict[str, Any]) -> None:
    """A panel says what it shows and what bad looks like, has a unit, and lines with names."""
    assert re.fullmatch(r"[^\n]+\. Bad: [^\n]+\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert all(target["legendFormat"] for target in panel["targets"])
    letters = [target["refId"] for target in panel["targets"]]
    assert len(letters) == len(set(letters))


def test_titles_tell_panels_apart() -> None:
    """No two panels have the same title."""
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_expression_keeps_to_what_was_chosen(title: str, expression: str) -> None:
    """Every selector goes by the variables; the operation too, where the metric has that label."""
    found = selectors(parsed(expression))
    assert found, title
    for selector in found:
        matched = matchers(selector)
        # An alert on what is absent has no namespace: it counts for each.
        wanted = ["$namespace|", "$job|"] if selector.name == "ALERTS" else ["$namespace", "$job"]
        assert [matched["namespace"], matched["job"]] == [[value] for value in wanted]
        if selector.name != "ALERTS" and "operation" in SERIES[selector.name]:
            # How fast a queue drains does not depend on which operations are looked at.
            assert matched["operation"][0] in {"$operation", ".*"}


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_expression_asks_for_what_the_bridge_tells(title: str, expression: str) -> None:
    """Every metric exists, and every label that is matched or kept is one of its own or the platform's."""
    own = {"alertname", "severity", "alertstate"} if "ALERTS" in expression else set()
    for selector in selectors(parsed(expression)):
        if selector.name != "ALERTS":
            labels = SERIES[selector.name]
            assert set(matchers(selector)) <= labels | PLATFORM_LABELS, title
            own |= labels
    assert kept_labels(expression) <= own | PLATFORM_LABELS | {"le"}, title


@pytest.mark.parametrize(("title", "target"), TARGETS)
def test_legend_names_labels_that_the_lines_have(title: str, target: dict[str, Any]) -> None:
    """A legend's `{{label}}` is one that the expression keeps; else every line had an empty name."""
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept_labels(target["expr"]), title


def test_every_metric_is_on_some_panel() -> None:
    """Whatever the bridge tells of itself can be seen."""
    asked = {selector.name for _, expression in EXPRESSIONS for selector in selectors(parsed(expression))}
    told = {name for name in SERIES if name.startswith("lcm_bridge_")}
    assert {re.sub(OF_A_HISTOGRAM, "", name) for name in told} <= {
        re.sub(OF_A_HISTOGRAM, "", name) for name in asked
    }


def test_variables_and_identity() -> None:
    """The dashboard has its fixed uid, and data source, namespace, job and operation to choose from."""
    assert DOCUMENT["uid"] == "lcm-bridge"
    variables = {one["name"]: one for one in DOCUMENT["templating"]["list"]}
    assert list(variables) == ["datasource", "namespace", "job", "operation"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}
    # Outside of Kubernetes nothing has a namespace; all jobs there are would be other programs as well.
    assert variables["namespace"]["allValue"] == ".*"
    assert "allValue" not in variables["job"]


def test_links_lead_to_the_runbook() -> None:
    """The dashboard leads to the runbook, and panels lead to the chapters of alerts that exist."""
    assert RUNBOOK in [link["url"] for link in DOCUMENT["links"]]
    chapters = {link["url"] for panel in PANELS for link in panel.get("links", [])}
    assert chapters
    assert chapters <= {f"{RUNBOOK}#{alert.name.lower()}" for alert in ALERTS}


def test_success_is_what_the_alerts_count() -> None:
    """The success share and the error budget take the same outcomes for failures, and leave out the same."""
    burnt = RECORDS["lcm_bridge:requests_failed:ratio_rate5m"]
    failed, counted = (matchers(selector)["outcome"][0] for selector in selectors(parsed(burnt)))
    expression = next(target["expr"] for title, target in TARGETS if title == "Success share")
    shown = {
        frozenset(matchers(selector)["outcome"][0].split("|")) for selector in selectors(parsed(expression))
    }
    assert shown == {frozenset(failed.split("|")), frozenset(counted.split("|"))}


def test_annotations_mark_the_breaker_and_restarts() -> None:
    """Every graph shows when the breaker was open and when a worker started."""
    marked = {name: selectors(parsed(expression))[0].name for name, expression in ANNOTATIONS}
    assert marked == {
        "Breaker open": "lcm_bridge_lcm_breaker_state",
        "Worker started": "process_start_time_seconds",
    }
