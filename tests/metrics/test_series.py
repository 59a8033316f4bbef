"""A series is found again by its label values, whichever way they are named."""

import pytest

from bridge.metrics import Metrics
from bridge.settings import Lcm


def test_a_series_is_the_same_each_time_it_is_named() -> None:
    """By position, by name, and in what is shown; other values are another series."""
    metrics = Metrics()
    counted = metrics.requests.labels("CreateContact", "ok")
    counted.inc()
    metrics.requests.labels("CreateContact", "ok").inc()
    metrics.requests.labels("CreateContact", "WS_Error").inc()
    shown = metrics.registry.get_sample_value

    assert counted is metrics.requests.labels(outcome="ok", operation="CreateContact")
    for outcome, expected in (("ok", 2), ("WS_Error", 1)):
        labels = {"operation": "CreateContact", "outcome": outcome}
        assert expected == shown("lcm_bridge_requests_total", labels)


def test_label_values_that_are_no_series_are_refused() -> None:
    """Too few values, too many, none: as the library refuses them, also the second time."""
    metrics = Metrics()
    for values in [("CreateContact",), ("CreateContact", "ok", "more"), ()] * 2:
        with pytest.raises(ValueError, match="Incorrect label count"):
            metrics.requests.labels(*values)
    with pytest.raises(ValueError, match="No label names"):
        metrics.breaker_state.labels("x")


def test_histograms_and_gauges_keep_their_series_too() -> None:
    """Buckets are those of the definition, and a gauge shows what was set last."""
    metrics = Metrics()
    for seconds in (0.004, 0.3):
        metrics.request_seconds.labels("CreateContact").observe(seconds)
    for number in (3, 2):
        metrics.in_flight.labels("q").set(number)
    shown = metrics.registry.get_sample_value

    assert 2 == shown("lcm_bridge_requests_in_flight", {"queue": "q"})
    for bound, expected in (("0.005", 1), ("0.25", 1), ("0.5", 2), ("+Inf", 2)):
        labels = {"operation": "CreateContact", "le": bound}
        assert expected == shown("lcm_bridge_request_seconds_bucket", labels)


def test_a_series_that_was_removed_can_come_again() -> None:
    """It is shown no more, alone or with all others, and shows what is set once it is named again."""
    metrics = Metrics()
    for number in (1, 2):
        metrics.in_flight.labels("q").set(number)
        assert number == metrics.registry.get_sample_value("lcm_bridge_requests_in_flight", {"queue": "q"})
        if number == 1:
            metrics.in_flight.remove("q")
        else:
            metrics.in_flight.clear()
        assert metrics.registry.get_sample_value("lcm_bridge_requests_in_flight", {"queue": "q"}) is None
    metrics.in_flight.remove("q")
    metrics.in_flight.labels("q").set(3)
    assert 3 == metrics.registry.get_sample_value("lcm_bridge_requests_in_flight", {"queue": "q"})


def bounds(metrics: Metrics, name: str) -> list[str]:
    """Return the bounds of the buckets of a histogram's only series."""
    [family] = [family for family in metrics.registry.collect() if family.name == name]
    return [sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")]


def test_buckets_fit_what_the_bridge_does() -> None:
    """Requests from 5 ms to beyond 10 s; LCM's time-out parts answers from none; whole seconds of waiting."""
    metrics = Metrics()
    metrics.request_seconds.labels("CreateContact")
    metrics.lcm_call_seconds.labels("CreateContact", "ok")
    metrics.request_wait_seconds.labels("q")
    requests = bounds(metrics, "lcm_bridge_request_seconds")
    calls = bounds(metrics, "lcm_bridge_lcm_call_seconds")
    timeout = str(Lcm().timeout)

    assert ("0.005", True) == (requests[0], "10.0" in requests)
    assert timeout in requests
    assert [timeout, "+Inf"] == calls[-2:]
    assert "1.0" == bounds(metrics, "lcm_bridge_request_wait_seconds")[0]
