"""Every expression of the dashboard and every rule, evaluated by Prometheus over two workers at work."""

import math
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest
from support.dashboard_file import Line, annotations, lines
from support.watched_site import FASTER, WORKERS, WatchedSite, needs_prometheus, watched_site

from bridge.simulator import Fault
from monitoring.compression import compress_expression

pytestmark = needs_prometheus

ALERTS_OF_BOTH_SEVERITIES = {"LcmBridgeErrorBudgetBurnFast", "LcmBridgeOutcomeUnknown"}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WatchedSite]:
    """Run a site in which everything happens that panels show: failures, retries, dead letters."""
    async with watched_site(tmp_path_factory.mktemp("site")) as opened:
        opened.simulator.faults.put(
            Fault(kind="html", status=503, error_rate=0.2),
            Fault(kind="not_json", error_rate=0.2),
            Fault(kind="reset", when="after", method="CreateContact", error_rate=0.1),
        )

        async def alarmed() -> bool:
            return await opened.firing() >= ALERTS_OF_BOTH_SEVERITIES

        await opened.until("a critical alert and a warning fire", alarmed)
        yield opened


async def has_data(site: WatchedSite, expression: str) -> bool:
    """Tell whether an expression gives a number now, and over the last seconds too."""
    now = time.time()
    shown = compress_expression(expression, FASTER)
    instant = await site.prometheus.instant(shown, at=now)
    graph = await site.prometheus.over(shown, start=now - 5, end=now, step=0.5)
    return all(any(not math.isnan(one.value) for one in series) for series in (instant, graph))


@pytest.mark.parametrize("shown", lines(), ids=str)
async def test_every_line_of_every_panel_has_data(site: WatchedSite, shown: Line) -> None:
    """No expression is refused, and each shows a number where there is something to see."""
    await site.until(f"{shown} has data", partial(has_data, site, shown.expression))


@pytest.mark.parametrize("mark", annotations(), ids=str)
async def test_every_mark_can_be_asked_for(site: WatchedSite, mark: Line) -> None:
    """No expression behind the marks is refused; most of the time there is nothing to mark."""
    await has_data(site, mark.expression)


async def test_every_rule_is_evaluated_without_an_error(site: WatchedSite) -> None:
    """Also those alerts that do not fire here: their series can be put together."""
    rules = await site.prometheus.evaluated()

    assert [] == [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"]
    assert {"alerting", "recording"} == {rule["type"] for rule in rules}


async def test_every_recording_rule_has_data(site: WatchedSite) -> None:
    """What is recorded can be looked at, for each operation."""
    recorded = [rule["name"] for rule in await site.prometheus.evaluated() if rule["type"] == "recording"]

    for name in recorded:
        await site.until(f"{name} has data", partial(has_data, site, name))


async def test_what_each_worker_counts_is_added_up(site: WatchedSite) -> None:
    """A panel shows the whole site, and what every worker says of the same queue only once."""
    requests = next(one for one in lines() if one.panel == "Requests by operation")
    workers = await site.prometheus.instant("sum by (pod) (increase(lcm_bridge_requests_total[5s]))")
    depths = await site.prometheus.instant("lcm_bridge_in_flight_limit")

    assert WORKERS == sum(one.value > 0 for one in workers)
    assert 2 * WORKERS == len(depths)
    assert all("pod" not in one.labels for one in await site.prometheus.instant(requests.expression))
