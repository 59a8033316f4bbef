"""Dead letters, and requests that came more than once."""

from monitoring.expressions import QUEUE
from monitoring.panels import GREY, ORANGE, RED, graph, q, tile, too_high
from monitoring.promql import METRICS, RANGE, family, highest, increase, one_of, rate, series
from monitoring.rows import Row

DEAD = Row(
    "Dead letters",
    [
        tile(
            "Dead-lettered",
            "Requests given up in the time shown, for a person to look at.",
            "Any.",
            "none",
            q(increase(METRICS.dead_letters, over=RANGE), "dead letters"),
            limits=too_high(1, 10),
            decimals=0,
            empty="no worker",
            runbook="LcmBridgeDeadLettersGrowing",
            height=7,
        ),
        tile(
            "Waiting for a person",
            "Messages in the queue of dead letters; `lcm-bridge dead-letters list` shows them.",
            "It never falls.",
            "short",
            q(
                f"max by (queue) ({highest(METRICS.queue_messages, *QUEUE)} unless on ({', '.join(QUEUE)})"
                f" {highest(METRICS.in_flight_limit, *QUEUE)})",
                "{{queue}}",
            ),
            limits=too_high(1, 100),
            empty="no worker",
            runbook="LcmBridgeDeadLettersGrowing",
            height=7,
        ),
        tile(
            "Outcome unknown",
            "Side effects cut off between call and record, in the time shown: LCM may or may not have done"
            " them.",
            "Any; docs/unknown-outcomes.md says how to settle each.",
            "none",
            q(increase(METRICS.dead_letters, over=RANGE, reason='="outcome-unknown"'), "unknown"),
            limits=too_high(bad=1),
            decimals=0,
            empty="no worker",
            runbook="LcmBridgeOutcomeUnknown",
            height=7,
        ),
        graph(
            "Dead letters by reason",
            "How many came, by reason.",
            "Outcome-unknown and retries-exhausted (LCM), expired (too slow); the others are requesters'"
            " mistakes.",
            "none",
            q(increase(METRICS.dead_letters, "reason"), "{{reason}}"),
            bars=True,
            runbook="LcmBridgeDeadLettersGrowing",
            width=12,
        ),
    ],
)

DUPLICATES = Row(
    "Duplicates",
    [
        tile(
            "Answered again",
            "Repeated side effects that got the stored reply (replayed) or waited for the running one, in"
            " the time shown.",
            "A jump: requesters repeat, or the broker redelivers.",
            "none",
            q(increase(METRICS.ledger, over=RANGE, outcome='="replayed"'), "replayed"),
            q(increase(METRICS.ledger, over=RANGE, outcome='="waited"'), "waited"),
            decimals=0,
            empty="no worker",
            height=7,
        ),
        graph(
            "Repeated side effects",
            "Per second, by what the ledger said.",
            "Mismatch (one key, two contents: a requester's mistake) and unknown.",
            "ops",
            q(
                rate(METRICS.ledger, "outcome", outcome=one_of("replayed", "waited", "mismatch", "unknown")),
                "{{outcome}}",
            ),
            colours={"mismatch": ORANGE, "unknown": RED, "waited": GREY},
            width=10,
        ),
        graph(
            "What makes the broker redeliver",
            "Connections lost and workers restarted: whatever was not acknowledged then is delivered again."
            " No metric counts redeliveries themselves.",
            "A jump of replays without these: then requesters repeat.",
            "none",
            q(increase(METRICS.amqp_reconnects), "reconnects"),
            q(f"sum (changes({series(family('process_start_time_seconds'))}[$__rate_interval]))", "restarts"),
            bars=True,
            runbook="LcmBridgeReconnectStorm",
            width=10,
        ),
    ],
)
