"""Redis: whether it is there, whether the cache helps, and what the ledger says."""

from monitoring.expressions import cut_off
from monitoring.panels import GREEN, ORANGE, RED, graph, q, tile, too_high
from monitoring.promql import METRICS, RANGE, increase, one_of, rate, ratio, series
from monitoring.rows import Row

ROW = Row(
    "Redis",
    [
        tile(
            "Workers without Redis",
            "Workers that Redis does not answer: side effects are held, reads go to LCM.",
            "Any.",
            "none",
            q(cut_off(series(METRICS.redis_connected)), "workers"),
            limits=too_high(bad=1),
            empty="no worker",
            runbook="LcmBridgeRedisAway",
            height=7,
        ),
        tile(
            "Cache hits",
            "Looks into the contact cache that found what was asked for, fresh or stale.",
            "A fall; LCM is asked instead.",
            "percentunit",
            q(
                ratio(
                    rate(METRICS.contact_cache, outcome=one_of("hit", "stale")),
                    rate(METRICS.contact_cache),
                ),
                "hits",
            ),
            decimals=0,
            empty="no looks",
            height=7,
        ),
        tile(
            "Without the ledger",
            "In the time shown: looks into the ledger that failed since Redis is away (a held request looks"
            " again and again), and side effects without a key.",
            "Any; the first are held, the others may happen twice.",
            "none",
            q(increase(METRICS.ledger, over=RANGE, outcome='="unavailable"'), "Redis away"),
            q(increase(METRICS.ledger, over=RANGE, outcome='="unprotected"'), "without a key"),
            limits=too_high(1, 100),
            decimals=0,
            empty="no worker",
            runbook="LcmBridgeRedisAway",
            height=7,
        ),
        graph(
            "Looks into the contact cache",
            "Per second, by what was found.",
            "Stale (LCM is away, contacts may be old) and error (Redis is away).",
            "ops",
            q(rate(METRICS.contact_cache, "outcome"), "{{outcome}}"),
            stacked=True,
            colours={"hit": GREEN, "stale": ORANGE, "error": RED},
            width=6,
        ),
        graph(
            "Request ledger",
            "What the ledger said of side effects, per second.",
            "Unavailable (Redis is away), unknown (a person must look), released at the rate of claimed (LCM"
            " fails).",
            "ops",
            q(rate(METRICS.ledger, "outcome"), "{{outcome}}"),
            width=6,
            colours={"claimed": GREEN, "unavailable": RED, "unknown": RED},
        ),
    ],
)
