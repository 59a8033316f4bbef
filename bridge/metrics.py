"""The metrics, told in the domain's words. No ids, phone numbers or agents in any label.

Label values come from closed sets (the catalogue, the error types, the configured queues), so a
stranger's request cannot make a new time series.
"""

from collections.abc import Iterable
from typing import Any, Final, Self, get_args

import prometheus_client
from prometheus_client import CollectorRegistry, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from bridge import __version__
from bridge.failures import ERROR_TYPES
from bridge.messages import Reason, Unanswered
from bridge.operations.model import UNKNOWN
from bridge.ports import Confirmation

# Each bound is one more series of every operation (or method and outcome, or queue) of every worker: so steps
# of two to two and a half. Agents' requests take 5 ms, from the cache, to 10 s, when people give up. 20 s is
# `lcm.timeout`: what LCM did not answer lies above it. Longer last those that wait for another delivery.
_REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)
# LCM's own work takes tens of milliseconds and more, and no call outlives `lcm.timeout`.
_CALL_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
# AMQP's timestamps are whole seconds, cut off: one that did not wait at all seems to have waited up to 1 s.
_WAIT_BUCKETS: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

OK: Final = "ok"
"""The label ``outcome`` of a request that succeeded."""

PUBLISHED: Final = (*(one.value for one in Confirmation), "failed")
LEDGER: Final = (
    *("claimed", "replayed", "waited", "unknown", "mismatch"),
    *("released", "unprotected", "unavailable"),
)
CONTACT_CACHE: Final = ("hit", "miss", "stale", "error")


class _Remembering(MetricWrapperBase):
    """Finds the series of label values that it has given before by one look into a dict.

    The library checks them, makes texts of them and takes a lock each time, and every request names a
    dozen. There are as many as there are series, which the library never forgets either.
    """

    def __init__(self, *definition: Any, **more: Any) -> None:  # noqa: ANN401 - the library's own arguments
        super().__init__(*definition, **more)
        self._series: dict[tuple[object, ...], Self] = {}

    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        """Return the series of these label values, which are texts, in the order of the label names."""
        if labelkwargs:
            return super().labels(**labelkwargs)
        series = self._series.get(labelvalues)
        if series is None:
            series = self._series[labelvalues] = super().labels(*labelvalues)
        return series

    def remove(self, *labelvalues: object) -> None:
        """Show the series no more, until it is named again."""
        self._series.pop(labelvalues, None)
        super().remove(*labelvalues)

    def clear(self) -> None:
        """Show no series any more, until one is named again."""
        self._series.clear()
        super().clear()


class Counter(_Remembering, prometheus_client.Counter):
    """The library's counter."""


class Gauge(_Remembering, prometheus_client.Gauge):
    """The library's gauge."""


class Histogram(_Remembering, prometheus_client.Histogram):
    """The library's histogram."""


class Metrics:
    """Every time series of one process, in a registry of its own."""

    def __init__(self) -> None:
        # When each series began is not told: it would be one more for every two of them.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self.registry = CollectorRegistry()
        registry = self.registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter(
            "lcm_bridge_requests_total",
            "Requests settled, by operation and outcome (ok, the error type, or why nobody may be told one)",
            ["operation", "outcome"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "lcm_bridge_request_seconds",
            "Seconds from delivery to settled",
            ["operation"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.request_wait_seconds = Histogram(
            "lcm_bridge_request_wait_seconds",
            "Seconds from published to delivered, of requests with a timestamp",
            ["queue"],
            buckets=_WAIT_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "lcm_bridge_requests_in_flight", "Requests being worked on", ["queue"], registry=registry
        )
        self.in_flight_limit = Gauge(
            "lcm_bridge_in_flight_limit", "Most requests worked on at once", ["queue"], registry=registry
        )
        self.held = Gauge(
            "lcm_bridge_requests_held",
            "Requests parked in the delayed queues of the queue",
            ["queue"],
            registry=registry,
        )
        self.paused = Gauge(
            "lcm_bridge_queue_paused",
            "1 while the queue is not consumed: by hand or by the open circuit breaker",
            ["queue"],
            registry=registry,
        )
        self.queue_messages = Gauge(
            "lcm_bridge_queue_messages", "Messages ready in the queue", ["queue"], registry=registry
        )
        self.queue_messages_limit = Gauge(
            "lcm_bridge_queue_messages_limit",
            "Messages that the request queue is declared to hold before it refuses more",
            ["queue"],
            registry=registry,
        )
        self.lcm_call_seconds = Histogram(
            "lcm_bridge_lcm_call_seconds",
            "Seconds of a call of LCM, by method and outcome",
            ["method", "outcome"],
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self.lcm_retries = Counter(
            "lcm_bridge_lcm_retries_total", "Quick retries of calls of LCM", ["method"], registry=registry
        )
        self.breaker_state = Gauge(
            "lcm_bridge_lcm_breaker_state",
            "The circuit breaker around LCM: 0 closed, 1 half-open, 2 open",
            registry=registry,
        )
        self.ledger = Counter(
            "lcm_bridge_ledger_total",
            "What the request ledger said of side effects: claimed, replayed, waited, unknown, mismatch,"
            " released, unprotected or unavailable",
            ["outcome"],
            registry=registry,
        )
        self.replies = Counter(
            "lcm_bridge_replies_total",
            "Replies published: confirmed, unroutable (nobody waits any more) or failed",
            ["outcome"],
            registry=registry,
        )
        self.events = Counter(
            "lcm_bridge_events_total",
            "Events published: confirmed, unroutable (nobody listens) or failed",
            ["outcome"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "lcm_bridge_dead_letters_total",
            "Requests dead-lettered, by reason",
            ["reason"],
            registry=registry,
        )
        self.contact_cache = Counter(
            "lcm_bridge_contact_cache_total",
            "Looks into the contact cache: hit, miss, stale or error",
            ["outcome"],
            registry=registry,
        )
        self.consumers = Gauge(
            "lcm_bridge_consumers", "Consumers registered with the broker", ["queue"], registry=registry
        )
        self.amqp_connected = Gauge(
            "lcm_bridge_amqp_connected",
            "1 while the connections that requests and replies need are open",
            registry=registry,
        )
        self.amqp_blocked = Gauge(
            "lcm_bridge_amqp_blocked",
            "1 while RabbitMQ takes no publishes on a connection that replies go by: a memory or disk alarm",
            registry=registry,
        )
        self.amqp_reconnects = Counter(
            "lcm_bridge_amqp_reconnects_total",
            "Connections to RabbitMQ opened anew after a loss",
            registry=registry,
        )
        self.redis_connected = Gauge(
            "lcm_bridge_redis_connected",
            "1 while Redis answers; 0 until it was first asked",
            registry=registry,
        )
        self.credentials_not_reloaded = Gauge(
            "lcm_bridge_credentials_not_reloaded",
            "1 while files with certificates or secrets hold what cannot be used, so that older ones are",
            registry=registry,
        )
        self.certificate_expiry = Gauge(
            "lcm_bridge_certificate_expiry_timestamp_seconds",
            "When the first of the certificates expires that are set for a server; 0: none is set",
            ["server"],
            registry=registry,
        )
        Info("lcm_bridge", "The running program", registry=registry).info({"version": __version__})

    def start_at_zero(self, *, operations: Iterable[str], methods: Iterable[str]) -> None:
        """Have every counter stand at 0 for each value of its labels.

        Prometheus sees an increase only of a series that was there before: the first dead letter would
        raise no alert. ``operations`` are those of the catalogue, ``methods`` their names on the wire of LCM.
        """
        for operation in operations:
            for outcome in (OK, *ERROR_TYPES):
                self.requests.labels(operation, outcome)
        for outcome in (*ERROR_TYPES, *get_args(Unanswered)):
            self.requests.labels(UNKNOWN, outcome)
        for counter, values in (
            (self.lcm_retries, methods),
            (self.dead_letters, Reason),
            (self.replies, PUBLISHED),
            (self.events, PUBLISHED),
            (self.ledger, LEDGER),
            (self.contact_cache, CONTACT_CACHE),
        ):
            for value in values:
                counter.labels(str(value))
