"""LCM: whether it answers, in time, and as it should."""

from monitoring.expressions import LCM_FAILED, LCM_REFUSED, lcm_call_share
from monitoring.panels import GREEN, ORANGE, RED, graph, q, tile, too_high
from monitoring.promql import METRICS, highest, quantile, rate
from monitoring.rows import Row

ROW = Row(
    "LCM",
    [
        tile(
            "Circuit breaker",
            "Open: half of LCM's calls failed, it is not called, and agents are answered at once.",
            "Anything but closed.",
            "none",
            q(highest(METRICS.breaker_state), "breaker"),
            words={0: ("closed", GREEN), 1: ("half-open", ORANGE), 2: ("open", RED)},
            empty="no worker",
            runbook="LcmBridgeLcmBreakerOpen",
            width=6,
        ),
        tile(
            "Calls that failed",
            "Calls of LCM that gave no result: no answer, a fault, a refusal. Its business no is a result.",
            "Above 1 %.",
            "percentunit",
            q(lcm_call_share(LCM_FAILED), "failed"),
            limits=too_high(0.01, 0.05),
            decimals=1,
            empty="no calls",
            runbook="LcmBridgeErrorBudgetBurnFast",
            width=6,
        ),
        tile(
            "p95 of a call",
            "19 of 20 calls of LCM take no longer.",
            "Seconds; the agents' p95 cannot be lower.",
            "s",
            q(quantile(0.95, METRICS.lcm_call_seconds), "p95"),
            limits=too_high(1, 2.5),
            empty="no calls",
            runbook="LcmBridgeSlow",
            width=6,
        ),
        tile(
            "Calls refused",
            "Calls that LCM refused by their HTTP status, as 401, 403 and 404.",
            "Any that keep up: the bridge's credentials or a method's name are wrong.",
            "percentunit",
            q(lcm_call_share(LCM_REFUSED), "refused"),
            limits=too_high(0.01, 0.5),
            decimals=1,
            empty="no calls",
            runbook="LcmBridgeLcmRefusesCredentials",
            width=6,
        ),
        graph(
            "Calls by method",
            "Calls of LCM per second.",
            "One that falls to nothing while its operation is asked for.",
            "reqps",
            q(rate(METRICS.lcm_call_seconds, "method", part="_count"), "{{method}}"),
            stacked=True,
            width=6,
        ),
        graph(
            "p95 by method",
            "19 of 20 calls take no longer.",
            "One method alone climbs: its part of LCM, or its database.",
            "s",
            q(quantile(0.95, METRICS.lcm_call_seconds, "method"), "{{method}}"),
            limits=too_high(1, 2.5),
            runbook="LcmBridgeSlow",
            width=6,
        ),
        graph(
            "Failed calls",
            "Calls of LCM that failed, by kind.",
            "Unavailable (LCM is away), timeout (it hangs), bad_response and fault (it is broken), error"
            " (the bridge is).",
            "reqps",
            q(rate(METRICS.lcm_call_seconds, "outcome", part="_count", outcome=LCM_FAILED), "{{outcome}}"),
            stacked=True,
            runbook="LcmBridgeLcmBreakerOpen",
            width=6,
        ),
        graph(
            "Quick retries",
            "Calls tried again at once, because they had no effect and somebody waits.",
            "More than one in ten calls.",
            "reqps",
            q(rate(METRICS.lcm_retries, "method"), "{{method}}"),
            stacked=True,
            width=6,
        ),
    ],
)
