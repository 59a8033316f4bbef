"""The top row: whether agents are served, and if not, who is to blame."""

from typing import Final

from monitoring.expressions import (
    AGENTS,
    FAILED,
    REFUSED,
    firing,
    in_flight_share,
    lcm_away,
    longest_wait,
    rabbitmq_away,
    redis_away,
    replies_lost,
    success_share,
    workers_busy,
)
from monitoring.panels import GREEN, ORANGE, RED, graph, q, states, tile, too_high, too_low
from monitoring.promql import METRICS, quantile, rate, total
from monitoring.rows import Row

AWAY: Final = {
    0: ("ok", GREEN),
    1: ("in trouble", ORANGE),
    2: ("away", RED),
    3: ("blocked", RED),
    4: ("refuses", RED),
    5: ("replies lost", RED),
}
CRITICAL, NOT_CRITICAL, NOT_INFO = '="critical"', '!="critical"', '!="info"'
SERVED: Final = (
    "LCM's business no is served, bad input does not count. It stays high while LCM refuses calls or answers"
    " with faults (WS_Error is served too: see Calls refused, Failed calls), while side effects are held"
    " (Redis is away: see Held), and while replies are lost."
)

ROW = Row(
    "Are agents served?",
    [
        tile(
            "Agents' requests",
            "Requests of agents settled per second; campaigns are left out.",
            "None during working hours.",
            "reqps",
            q(f"{rate(METRICS.requests, operation=AGENTS)} or vector(0)", "agents"),
            runbook="LcmBridgeDown",
        ),
        tile(
            "Success share",
            f"Agents' requests that were served. {SERVED}",
            "Below 99.5 %.",
            "percentunit",
            q(success_share(operation=AGENTS), "agents"),
            limits=too_low(warn=0.995, bad=0.97),
            decimals=2,
            empty="no requests",
            runbook="LcmBridgeErrorBudgetBurnFast",
        ),
        tile(
            "p95",
            "19 of 20 agents' requests are settled within this time of their delivery.",
            "Seconds.",
            "s",
            q(quantile(0.95, METRICS.request_seconds, operation=AGENTS), "agents"),
            limits=too_high(1, 2.5),
            empty="no requests",
            runbook="LcmBridgeSlow",
        ),
        tile(
            "Oldest wait",
            "How long requests wait in a queue: the longest of those just delivered (in buckets, and"
            " publishers' timestamps are whole seconds), or, if longer, what the queue needs to drain at the"
            " present rate. An hour stands for: nothing is taken, or no worker is connected.",
            "The agents' queue above a few seconds.",
            "s",
            q(longest_wait(), "{{queue}}"),
            limits=too_high(5, 30),
            runbook="LcmBridgeBacklogWithoutProgress",
        ),
        tile(
            "In flight of capacity",
            "Share of what the workers may work on at once (prefetch) that they do work on.",
            "Close to 100 % for long.",
            "percentunit",
            q(in_flight_share(), "{{queue}}"),
            limits=too_high(0.7, 0.9),
            decimals=0,
            empty="no worker",
            runbook="LcmBridgeInFlightSaturated",
        ),
        tile(
            "Alerts firing",
            "Alerts of the bridge that fire now, each queue and each operation counted by itself.",
            "Any. It stays at 0 where the bridge's rules are not loaded.",
            "none",
            q(f"{firing(NOT_INFO)} or vector(0)", "alerts"),
            limits=too_high(bad=1),
        ),
        states(
            "Who is to blame?",
            "RabbitMQ, Redis: some workers (in trouble) or all (away) have lost them; RabbitMQ takes no"
            " publishes (blocked: a memory or disk alarm). LCM: more than 5 % of calls fail, p95 is above"
            " 2 s, or the breaker is half-open (in trouble); most calls fail, or the breaker is open (away);"
            " most calls are refused (refuses). Workers: one lacks CPU. Requesters: more than 5 % of the"
            " replies reach nobody (replies lost).",
            "Anything but ok.",
            q(rabbitmq_away(), "RabbitMQ"),
            q(redis_away(), "Redis"),
            q(lcm_away(), "LCM"),
            q(workers_busy(), "Workers"),
            q(replies_lost(), "Requesters"),
            words=AWAY,
        ),
        states(
            "Which alerts fired",
            "When which alert fired; its name is a chapter of the runbook.",
            "Any critical one. Empty: none did.",
            q(f"2 * ({firing(CRITICAL, 'alertname')} > bool 0)", "{{alertname}}"),
            q(f"{firing(NOT_CRITICAL, 'alertname')} > bool 0", "{{alertname}}"),
            words={1: ("firing", ORANGE), 2: ("critical", RED)},
        ),
        graph(
            "Requests by operation",
            "Requests settled per second.",
            "An operation that falls to nothing while others go on.",
            "reqps",
            q(rate(METRICS.requests, "operation"), "{{operation}}"),
            stacked=True,
        ),
        graph(
            "Success share by operation",
            f"Requests that were served. {SERVED}",
            "Below 99.5 %; one operation alone: its LCM method.",
            "percentunit",
            q(success_share("operation"), "{{operation}}"),
            limits=too_low(warn=0.995, bad=0.97),
            highest=1,
            tinted=False,
            runbook="LcmBridgeErrorBudgetBurnSlow",
        ),
        graph(
            "p95 by operation",
            "19 of 20 requests are settled within this time of their delivery.",
            "Seconds, for what an agent waits for.",
            "s",
            q(quantile(0.95, METRICS.request_seconds, "operation"), "{{operation}}"),
            limits=too_high(1, 2.5),
            runbook="LcmBridgeSlow",
        ),
        graph(
            "Failures",
            "Requests that were not served, because of LCM, the bridge, or their deadline, by error type.",
            "Any that keep up; OUTCOME_UNKNOWN always.",
            "reqps",
            q(rate(METRICS.requests, "outcome", outcome=FAILED), "{{outcome}}"),
            stacked=True,
            runbook="LcmBridgeErrorBudgetBurnFast",
        ),
        graph(
            "Refused requests",
            "Requests without success for a reason of their own: bad input, or LCM's business no.",
            "A jump, which is a requester's new release or LCM's data.",
            "reqps",
            q(rate(METRICS.requests, "outcome", outcome=REFUSED), "{{outcome}}"),
            stacked=True,
        ),
        graph(
            "In flight and capacity",
            "Requests being worked on, and the most that may be, of all workers.",
            "The two lines meet.",
            "short",
            q(total(METRICS.in_flight, "queue"), "{{queue}}"),
            q(total(METRICS.in_flight_limit, "queue"), "{{queue}} at most"),
            runbook="LcmBridgeInFlightSaturated",
        ),
    ],
)
