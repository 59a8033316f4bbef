"""Expressions that more than one panel shows, or that need a word of explanation."""

from typing import Final, get_args

from bridge.failures import (
    ContactNotReserved,
    IdempotencyMismatch,
    InternalError,
    InvalidData,
    InvalidEnvelope,
    LcmBadResponse,
    LcmTimeout,
    LcmUnavailable,
    NotPermitted,
    OutcomeUnknown,
    RequestExpired,
    UnknownOperation,
)
from bridge.messages import Unanswered
from bridge.operations.catalogue import OPERATIONS
from bridge.operations.shipped import siblings
from bridge.ports import Confirmation
from monitoring.promql import (
    ANY,
    INTERVAL,
    METRICS,
    SITE,
    family,
    highest,
    lowest,
    none_of,
    one_of,
    quantile,
    rate,
    ratio,
    series,
    total,
)

_FAILURES: Final = [
    kind.error_type
    for kind in (LcmUnavailable, LcmTimeout, LcmBadResponse, OutcomeUnknown, InternalError, RequestExpired)
]
FAILED: Final = one_of(*_FAILURES)
"""Outcomes of requests that were not served: what the error budget of the alerts is spent on."""

COUNTED: Final = none_of(
    InvalidEnvelope.error_type,
    InvalidData.error_type,
    UnknownOperation.error_type,
    NotPermitted.error_type,
    IdempotencyMismatch.error_type,
    ContactNotReserved.error_type,
    *get_args(Unanswered),
)
"""Outcomes that say something of the service. What requesters did wrong does not, and would hide failures."""

REFUSED: Final = none_of("ok", *_FAILURES)
"""Outcomes that the request or LCM's business is to blame for: bad input, no contact, LCM's no."""

AGENTS: Final = none_of(*(one.name for one in (*OPERATIONS, *siblings()) if one.lane == "campaign"))
"""Operations that an agent waits for. Bulk creation by campaigns would hide what agents see.

A site's own for campaigns are not known here: the dashboard's variable leaves them out.
"""

LCM_FAILED: Final = '!="ok"'
"""Outcomes of a call that gave no result. LCM's business no is a result."""

LCM_REFUSED: Final = '="refused"'
"""The outcome of a call that LCM refused by its HTTP status, as 401, 403 and 404."""

QUEUE: Final = (*SITE, "queue")
STANDING: Final = 3600
"""Seconds shown as the wait where nothing at all is taken from a queue."""


def success_share(*by: str, **where: str) -> str:
    """Return the share of requests that were served, as the alerts count: 0..1, none without requests.

    LCM's business no counts as served, what the requester did wrong does not count at all.
    """
    failed = rate(METRICS.requests, *by, outcome=FAILED, **where)
    return f"1 - {ratio(failed, rate(METRICS.requests, *by, outcome=COUNTED, **where))}"


def cut_off(connected: str) -> str:
    """Count the workers whose gauge of a connection stands at 0."""
    return f"sum(1 - {connected})"


def away(lowest_connected: str, highest_connected: str) -> str:
    """Return 0 while every worker is connected, 1 while only some are, 2 while none is."""
    return f"2 - {lowest_connected} - {highest_connected}"


def rabbitmq_away() -> str:
    """Return 0 while every worker has all its connections to RabbitMQ, 1: some have, 2: none has.

    3 while it takes no publishes: whom it told so are connected.
    """
    gone = away(lowest(METRICS.amqp_connected), highest(METRICS.amqp_connected))
    return f"3 * {highest(METRICS.amqp_blocked)} > 0 or {gone}"


def redis_away() -> str:
    """Return 0 while every worker reaches Redis, 1: some do, 2: none does."""
    return away(lowest(METRICS.redis_connected), highest(METRICS.redis_connected))


def lcm_call_share(outcome: str) -> str:
    """Return the share of LCM's calls whose outcome matches: 0..1, none without calls."""
    whole = rate(METRICS.lcm_call_seconds, part="_count")
    return ratio(rate(METRICS.lcm_call_seconds, part="_count", outcome=outcome), whole)


def lcm_away(failing: float = 0.05, slow: float = 2, most: float = 0.5) -> str:
    """Return 0 while LCM answers, 1: it is in trouble, 2: it is away, 4: it refuses most calls.

    Away is an open breaker, or that `most` calls fail, which is seen before the breaker opens. Trouble is a
    half-open breaker, or so large a share of calls that fail, or so many seconds as their p95. Half-open and
    in trouble is 2: it is let through, and still fails. Without calls the breaker alone tells.
    """
    breaker = highest(METRICS.breaker_state)
    failed = lcm_call_share(LCM_FAILED)
    troubled = (
        f"clamp_max((({failed}) > bool {failing:g})"
        f" + ({quantile(0.95, METRICS.lcm_call_seconds)} > bool {slow:g}), 1)"
    )
    refuses = f"4 * (({lcm_call_share(LCM_REFUSED)}) > bool {most:g}) > 0"
    fails = f"clamp_max({breaker} + {troubled} + (({failed}) > bool {most:g}), 2)"
    return f"{refuses} or {fails} or {breaker}"


def replies_lost(most: float = 0.05) -> str:
    """Return 0 while replies reach the requesters, 5: more than `most` of them reach nobody."""
    published = rate(METRICS.replies)
    lost = ratio(rate(METRICS.replies, outcome=one_of(Confirmation.UNROUTABLE.value)), published)
    return f"5 * (({lost}) > bool {most:g}) or {published} * 0"


def busiest() -> str:
    """Return the share of a core that the busiest worker takes; its event loop has no more than one."""
    return f"max (rate({series(family('process_cpu_seconds_total'))}[{INTERVAL}]))"


def ending(days: int = 14) -> str:
    """Count the servers with a certificate in the settings that ends within so many days; 0 is none."""
    end = series(METRICS.certificate_expiry)
    return f"sum (max by (server) (({end} > bool 0) * ({end} - time() < bool {days * 86400})))"


def workers_busy(most: float = 0.9) -> str:
    """Return 0 while no worker is short of CPU, 1 where one is."""
    return f"{busiest()} > bool {most:g}"


def on_request_queues(depth: str) -> str:
    """Keep the request queues of what is told by queue: the queue of dead letters has no limit in flight."""
    return f"{depth} and on ({', '.join(QUEUE)}) {highest(METRICS.in_flight_limit, *QUEUE)}"


def drain_seconds() -> str:
    """Return by queue how long its messages last at the present rate: what a request must expect to wait.

    Deliveries are counted by queue where publishers set a timestamp. Where none ever did, what is settled of
    all queues together has to serve; where nothing is taken, it is as long as `STANDING`.
    """
    depth = f"({on_request_queues(highest(METRICS.queue_messages, *QUEUE))})"
    taken = rate(METRICS.request_wait_seconds, *QUEUE, part="_count")
    settled = rate(METRICS.requests, *SITE, operation=ANY)
    counted = f"({total(METRICS.request_wait_seconds, *QUEUE, part='_count')} > 0)"
    speed = f"(({taken} and {counted}) or ({depth} * 0 + on ({', '.join(SITE)}) group_left () {settled}))"
    return f"max by (queue) (clamp_max({depth} / clamp_min({speed}, 0.001), {STANDING}))"


def longest_delivered() -> str:
    """Return by queue the longest wait of the requests just delivered: the top of its bucket, in seconds."""
    return quantile(1, METRICS.request_wait_seconds, "queue")


def longest_wait() -> str:
    """Return by queue the longer of `drain_seconds` and `longest_delivered`.

    No metric tells the age of what still lies in a queue. The one looks back, at those that were delivered;
    the other ahead, and sees a queue that nobody serves. While no worker is connected none tells a queue's
    length, and nothing is taken: `STANDING`.
    """
    ahead = drain_seconds()
    away = f"({highest(METRICS.amqp_connected)} == 0)"
    standing = f"({highest(METRICS.in_flight_limit, 'queue')} * 0 + {STANDING} and on () {away})"
    return f"({longest_delivered()} > {ahead}) or {ahead} or {standing}"


def in_flight_share() -> str:
    """Return by queue the share of what the workers may work on at once that they do work on."""
    return f"{total(METRICS.in_flight, 'queue')} / {total(METRICS.in_flight_limit, 'queue')}"


def filled_share() -> str:
    """Return by queue how full it is against its bound: at 1, publishers are refused."""
    depth = highest(METRICS.queue_messages, *QUEUE)
    return f"max by (queue) ({depth} / {highest(METRICS.queue_messages_limit, *QUEUE)})"


def firing(severity: str, *by: str) -> str:
    """Count the bridge's alerts that fire. One that tells no namespace or job counts for every one."""
    kept = f" by ({', '.join(by)})" if by else ""
    labels = [f'{label}=~"${label}|"' for label in SITE]
    matchers = ['alertname=~"LcmBridge.*"', 'alertstate="firing"', f"severity{severity}", *labels]
    return f"count{kept} (ALERTS{{{', '.join(matchers)}}})"
