"""What strangers send makes no new series, whatever they send."""

from collections.abc import Iterator
from itertools import product
from typing import get_args

from metrics.pages import Series, samples, values
from metrics.stranger import LANES, MARK
from support.site import Site

from bridge.lcm.client import CallOutcome

OPERATIONS = (
    "GetReservedManualDialContact",
    "GetReservedContactOD",
    "SkipManualDialContact",
    "CreateContact",
)


def expected(site: Site) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the name and labels of each histogram that traffic may bring; all the rest is there before."""
    for operation in (*OPERATIONS, "ManualDialCall", "unknown"):
        yield "lcm_bridge_request_seconds", {"operation": operation}
    for method, outcome in product(OPERATIONS, get_args(CallOutcome)):
        yield "lcm_bridge_lcm_call_seconds", {"method": method, "outcome": outcome}
    for lane in LANES:
        yield "lcm_bridge_request_wait_seconds", {"queue": f"{site.prefix}.requests.{lane}"}


def of_histograms(series: set[Series]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Return the names and labels of the histograms that samples belong to."""
    return {
        (name.rpartition("_")[0], frozenset((label, value) for label, value in labels if label != "le"))
        for name, labels in series
    }


def test_a_stranger_makes_no_new_series(site: Site, first_page: str, last_page: str) -> None:
    """Before and after there are the same, but for histograms of what is known; no word of theirs shows."""
    came = samples(last_page).keys() - samples(first_page).keys()

    assert set() == samples(first_page).keys() - samples(last_page).keys()
    assert set() == of_histograms(came) - {(name, frozenset(of.items())) for name, of in expected(site)}
    assert MARK not in last_page.casefold()


def test_the_stranger_was_no_bore(last_page: str) -> None:
    """Each operation, every kind of end, every queue was met: else the test above says little."""
    outcomes = {
        labels[1] for labels, count in values(last_page, "lcm_bridge_requests_total").items() if count
    }
    operations = {
        labels[0] for labels, count in values(last_page, "lcm_bridge_requests_total").items() if count
    }

    assert {*OPERATIONS, "ManualDialCall", "unknown"} == operations
    assert {
        *("ok", "INVALID_ENVELOPE", "UNKNOWN_OPERATION", "INVALID_DATA", "WS_Error", "CONTACT_NOT_FOUND"),
        *("LCM_BAD_RESPONSE", "OUTCOME_UNKNOWN", "reply-as-request", "reply-to-refused"),
    } <= outcomes
