"""What a worker shows before its first request."""

import re

from metrics.pages import Series, samples, series, values
from support.site import MakeSite, Site

FAILURES = {
    *("INVALID_ENVELOPE", "UNKNOWN_OPERATION", "INVALID_DATA", "NOT_PERMITTED", "REQUEST_EXPIRED"),
    *("IDEMPOTENCY_MISMATCH", "CONTACT_NOT_RESERVED", "CONTACT_NOT_FOUND", "WS_Error", "LCM_UNAVAILABLE"),
    *("LCM_TIMEOUT", "LCM_BAD_RESPONSE", "OUTCOME_UNKNOWN", "INTERNAL_ERROR"),
}
CALLS = ("GetReservedManualDialContact", "GetReservedContactOD", "SkipManualDialContact", "CreateContact")
TOLD_TO_NOBODY = {"reply-as-request", "reply-to-refused", "delivery-limit"}
PUBLISHED = {("confirmed",), ("unroutable",), ("failed",)}
CLOSED = {
    "lcm_bridge_lcm_retries_total": {(method,) for method in CALLS},
    "lcm_bridge_replies_total": PUBLISHED,
    "lcm_bridge_events_total": PUBLISHED,
    "lcm_bridge_ledger_total": {
        (outcome,)
        for outcome in (
            *("claimed", "replayed", "waited", "unknown", "mismatch", "released", "unprotected"),
            "unavailable",
        )
    },
    "lcm_bridge_dead_letters_total": {
        (reason,)
        for reason in TOLD_TO_NOBODY
        | {"failure-without-reply-to", "retries-exhausted", "outcome-unknown", "expired"}
    },
    "lcm_bridge_contact_cache_total": {("hit",), ("miss",), ("stale",), ("error",)},
}


def test_counters_begin_at_zero(first_page: str) -> None:
    """Each value of a closed set of labels is there before anything is counted, so the first one is seen."""
    for name, expected in CLOSED.items():
        assert dict.fromkeys(expected, 0.0) == values(first_page, name), name


def test_requests_begin_at_zero(first_page: str) -> None:
    """Each operation with ok and every error type; one that cannot be told also with what nobody is told."""
    expected = {(operation, outcome) for operation in (*CALLS, "ManualDialCall") for outcome in FAILURES}
    expected |= {(operation, "ok") for operation in (*CALLS, "ManualDialCall")}
    expected |= {("unknown", outcome) for outcome in FAILURES | TOLD_TO_NOBODY}

    assert dict.fromkeys(expected, 0.0) == values(first_page, "lcm_bridge_requests_total")


def test_the_request_queues_tell_how_much_they_hold(site: Site, first_page: str) -> None:
    """The length at which they refuse stands beside their length; the dead letters have none."""
    queues = [f"{site.prefix}.requests.{lane}" for lane in ("agent", "campaign")]

    assert {(queue,): 1_000_000.0 for queue in queues} == values(
        first_page, "lcm_bridge_queue_messages_limit"
    )
    assert {(queue,) for queue in (*queues, f"{site.prefix}.dead-letters")} == values(
        first_page, "lcm_bridge_queue_messages"
    ).keys()


def test_the_process_and_python_are_told_of(first_page: str) -> None:
    """CPU, memory, open files, start, collections and Python's version stand beside the bridge's own."""
    names = {name for name, _ in samples(first_page)}

    assert {
        *("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"),
        *("process_start_time_seconds", "python_gc_collections_total", "python_info"),
    } <= names


def test_nothing_is_told_of_when_a_series_began(first_page: str) -> None:
    """It would be one more series for every counter."""
    assert [] == [name for name, _ in samples(first_page) if name.endswith("_created")]


def test_no_other_program_has_these_names(first_page: str) -> None:
    """All but the metrics of process and Python begin with the bridge's name."""
    foreign: set[Series] = {
        one for one in samples(first_page) if not re.match("(lcm_bridge|process|python)_", one[0])
    }
    assert set() == foreign


def test_connections_stand_at_one(first_page: str) -> None:
    """A worker that is ready has found RabbitMQ and Redis, and LCM's breaker is closed."""
    found = samples(first_page)
    assert (1.0, 1.0, 0.0, 0.0) == (
        found[series("lcm_bridge_amqp_connected")],
        found[series("lcm_bridge_redis_connected")],
        found[series("lcm_bridge_lcm_breaker_state")],
        found[series("lcm_bridge_amqp_reconnects_total")],
    )


async def test_methods_bear_the_names_of_the_site(make_site: MakeSite) -> None:
    """What `lcm.methods` calls otherwise stands by that name alone, as it does once it is called."""
    site = await make_site(BRIDGE_LCM__METHODS='{"createcontact": "AddContact"}')
    _, page = await site.worker.get("/metrics")

    assert {*((method,) for method in CALLS if method != "CreateContact"), ("AddContact",)} == values(
        page, "lcm_bridge_lcm_retries_total"
    ).keys()
