"""What the rules ask for exists: series, labels, values of labels; and each alert leads to the runbook."""

import re

import promql_parser
import pytest
from support.rules import ALERTS, RECORDS, Alert, faults, rules, selectors

from bridge.failures import Failure
from bridge.messages import Reason
from bridge.operations.catalogue import OPERATIONS
from bridge.operations.model import UNKNOWN
from bridge.operations.shipped import siblings
from bridge.ports import Confirmation
from bridge.settings import Settings

RUNBOOK_URL = "https://github.com/lcm-bridge/lcm-bridge/blob/main/docs/runbook.md"

ERROR_TYPES = {kind.error_type for kind in Failure.__subclasses__()}
REASONS = {reason.value for reason in Reason}
PUBLISHED = {one.value for one in Confirmation} | {"failed"}
CALLS = {
    "ok",
    "refused",
    "fault",
    "unavailable",
    "timeout",
    "bad_response",
    "error",
}  # as docs/operating.md has them

AMQP = Settings().amqp
QUEUES = {AMQP.agent_queue, AMQP.campaign_queue, AMQP.dead_letters_queue}

VALUES = {
    "lcm_bridge_requests_total": {"outcome": {"ok"} | ERROR_TYPES | REASONS},
    "lcm_bridge_dead_letters_total": {"reason": REASONS},
    "lcm_bridge_replies_total": {"outcome": PUBLISHED},
    "lcm_bridge_lcm_call_seconds_count": {"outcome": CALLS},
}
ANYWHERE = {"operation": {one.name for one in (*OPERATIONS, *siblings())} | {UNKNOWN}, "queue": QUEUES}

by_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])


@by_rule
def test_what_a_rule_asks_for_exists(rule: dict[str, str]) -> None:
    """Each series is one of the workers' or recorded before, and has each label that is named."""
    assert [] == faults(rule["expr"])


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("sum(lcm_bridge_request_total)", "no series lcm_bridge_request_total"),
        ('lcm_bridge_replies_total{queue="x"}', "no label queue"),
        ("sum by (queue) (rate(lcm_bridge_replies_total[5m]))", "no label queue"),
        ("lcm_bridge_consumers / on (operation) lcm_bridge_queue_messages", "no label operation"),
        ("max by (queue) (lcm_bridge:requests_failed:ratio_rate5m)", "no label queue"),
    ],
)
def test_what_no_worker_has_is_found(expression: str, said: str) -> None:
    """A series or label that does not exist is named, wherever it stands in an expression."""
    assert said in "; ".join(faults(expression))


@by_rule
def test_values_of_labels_exist(rule: dict[str, str]) -> None:
    """Each value that is asked for is one that a worker may tell; a pattern fits at least one."""
    for selector in selectors(promql_parser.parse(rule["expr"])):
        for matcher in selector.matchers.matchers:
            possible = {**ANYWHERE, **VALUES.get(selector.name, {})}[matcher.name]
            pattern = matcher.op in (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe)
            # Alternatives are looked at one by one: the others would hide one that is misspelt.
            for value in matcher.value.split("|") if pattern else [matcher.value]:
                fits = re.compile(value if pattern else re.escape(value)).fullmatch
                assert any(fits(one) for one in possible), f"{selector.name} has no {matcher.name} {value}"


def test_every_outcome_of_a_request_is_judged() -> None:
    """Each counts as served, as not served or not at all; a new one must be thought about."""
    failed, left_out = (
        {
            value
            for selector in selectors(promql_parser.parse(RECORDS["lcm_bridge:requests_failed:ratio_rate1h"]))
            for matcher in selector.matchers.matchers
            if matcher.op == kind
            for value in matcher.value.split("|")
        }
        for kind in (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe)
    )
    served = {"ok", "CONTACT_NOT_FOUND", "WS_Error"}
    outcomes = {"ok"} | ERROR_TYPES | {"reply-as-request", "reply-to-refused", "delivery-limit"}

    assert [] == sorted(failed & left_out)
    assert outcomes == failed | left_out | served


def test_windows_of_the_error_budget_differ_in_nothing_else() -> None:
    """The ratios over 5 minutes, 30 minutes, an hour and six hours are one expression."""
    windows = {
        re.sub(r"\[\w+\]", "[window]", expression)
        for name, expression in RECORDS.items()
        if name.startswith("lcm_bridge:requests_failed:ratio_rate")
    }

    assert 1 == len(windows)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.labels['severity']}")
def test_an_alert_says_how_bad_it_is_with_numbers_and_what_to_do(alert: Alert) -> None:
    """Severity, a summary that begins with the site and holds the value, and the place in the runbook."""
    assert {"severity"} == alert.labels.keys()
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    assert {"summary", "runbook_url"} == alert.annotations.keys()
    assert alert.annotations["summary"].startswith(
        "{{ with $labels.namespace }}{{ . }}/{{ end }}{{ $labels.job }}: "
    )
    assert re.search(r"\{\{ \$value ", alert.annotations["summary"])
    assert f"{RUNBOOK_URL}#{alert.name.lower()}" == alert.annotations["runbook_url"]
