"""RabbitMQ: whether requests are taken, and replies arrive."""

from monitoring.expressions import (
    QUEUE,
    cut_off,
    drain_seconds,
    filled_share,
    longest_delivered,
    on_request_queues,
)
from monitoring.panels import GREEN, GREY, ORANGE, RED, Limits, graph, q, tile, too_high
from monitoring.promql import METRICS, RANGE, highest, increase, rate, series, total
from monitoring.rows import Row

ROW = Row(
    "RabbitMQ",
    [
        tile(
            "Workers without RabbitMQ",
            "Workers that lack one of their connections to RabbitMQ.",
            "Any.",
            "none",
            q(cut_off(series(METRICS.amqp_connected)), "workers"),
            limits=too_high(bad=1),
            empty="no worker",
            runbook="LcmBridgeRabbitMqAway",
        ),
        tile(
            "Reconnects",
            "Connections to RabbitMQ opened anew after a loss, in the time shown.",
            "More than the broker's own restarts.",
            "none",
            q(increase(METRICS.amqp_reconnects, over=RANGE), "reconnects"),
            limits=too_high(1, 15),
            decimals=0,
            empty="no worker",
            runbook="LcmBridgeReconnectStorm",
        ),
        tile(
            "Consumers",
            "Consumers registered with the broker, of all workers; a paused queue has none.",
            "None on a queue that is not paused.",
            "none",
            q(total(METRICS.consumers, "queue"), "{{queue}}"),
            limits=Limits(ORANGE, [(1, GREEN)]),
            empty="no worker",
            runbook="LcmBridgeNoConsumers",
        ),
        tile(
            "Paused",
            "Whether a queue is not consumed: by hand, or the campaigns' by the open breaker.",
            "Longer than the maintenance.",
            "none",
            q(highest(METRICS.paused, "queue"), "{{queue}}"),
            words={0: ("no", GREEN), 1: ("paused", ORANGE)},
            empty="no worker",
            runbook="LcmBridgeQueuePausedTooLong",
        ),
        tile(
            "Queue filled",
            "Messages ready of those that the queue may hold; at 100 % publishers are refused.",
            "Above half.",
            "percentunit",
            q(filled_share(), "{{queue}}"),
            limits=too_high(0.5, 0.8),
            decimals=1,
            empty="unknown",
            runbook="LcmBridgeQueueNearlyFull",
        ),
        tile(
            "Held",
            "Requests parked in the delayed queues: side effects while Redis is away, and retries that"
            " nobody waits for.",
            "Any for more than minutes.",
            "short",
            q(highest(METRICS.held, "queue"), "{{queue}}"),
            limits=too_high(10, 1000),
            empty="no worker",
            runbook="LcmBridgeRequestsHeld",
        ),
        graph(
            "Messages waiting",
            "Messages ready in a queue, and parked in its delayed queues.",
            "It grows and does not fall.",
            "short",
            q(
                f"max by (queue) ({on_request_queues(highest(METRICS.queue_messages, *QUEUE))})",
                "{{queue}} ready",
            ),
            q(highest(METRICS.held, "queue"), "{{queue}} held"),
            runbook="LcmBridgeBacklogWithoutProgress",
            width=6,
        ),
        graph(
            "Wait",
            "Longest wait of the requests just delivered (top of its bucket; timestamps are whole seconds),"
            " and how long the queue lasts at the present rate. The scale ends at 5 minutes.",
            "Either grows.",
            "s",
            q(longest_delivered(), "{{queue}} delivered"),
            q(drain_seconds(), "{{queue}} to drain"),
            limits=too_high(5, 30),
            highest=300,
            tinted=False,
            runbook="LcmBridgeBacklogWithoutProgress",
            width=6,
        ),
        graph(
            "Replies",
            "Replies per second, by what the broker said.",
            "Unroutable (the requester has gone) or failed beside few confirmed.",
            "reqps",
            q(rate(METRICS.replies, "outcome"), "{{outcome}}"),
            colours={"confirmed": GREEN, "unroutable": ORANGE, "failed": RED},
            runbook="LcmBridgeRepliesUnroutable",
            width=6,
        ),
        graph(
            "Events",
            "Events to the softphones per second, by what the broker said; unroutable ones are heard by"
            " nobody.",
            "Failed.",
            "reqps",
            q(rate(METRICS.events, "outcome"), "{{outcome}}"),
            colours={"confirmed": GREEN, "unroutable": GREY, "failed": RED},
            width=6,
        ),
    ],
)
