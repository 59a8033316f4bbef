"""A fault, and how a person who looks at alerts and dashboard finds it."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial

from support.dashboard_file import line
from support.watched_site import FASTER, JOB, NAMESPACE, WatchedSite

Inject = Callable[[WatchedSite], AbstractAsyncContextManager[None]]

FADING = frozenset({"LcmBridgeErrorBudgetBurnSlow"})
"""Looks back so far that it may still tell of an earlier fault."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a line of a panel does: it shows more than before, or less. ``where`` chooses its series."""

    panel: str
    legend: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    falls: bool = False

    def happened(self, before: float, now: float) -> bool:
        """Tell whether it changed so; a tenth more or less is noise."""
        return now < 0.9 * before if self.falls else now > 1.1 * before


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong while ``inject`` is entered, and what tells of it."""

    inject: Inject
    alerts: Mapping[str, str]
    """The alerts that fire, and what their summaries say."""
    also: frozenset[str] = frozenset()
    """Alerts that may fire besides, since what they say is true too."""
    panels: tuple[Change, ...]


async def shows(site: WatchedSite, fault: Fault) -> None:
    """Inject a fault: its alerts fire until it ends, its panels change, nothing else is blamed."""
    await site.until("no alert is active", partial(_calm, site))
    before = [await _value(site, change) for change in fault.panels]
    began = time.time()
    async with fault.inject(site):
        for name, text in fault.alerts.items():
            await site.until(f"{name} says {text!r}", partial(_says, site, name, text))
        for change, was in zip(fault.panels, before, strict=True):
            await site.until(f"{change}, which was {was:g}", partial(_changed, site, change, was))
    await site.until(f"{', '.join(fault.alerts)} resolved", partial(_resolved, site, fault))

    blamed = await _fired(site, since=began)
    assert set() == blamed - fault.alerts.keys() - fault.also - FADING


async def _calm(site: WatchedSite) -> bool:
    """Tell whether nothing fires, or is on its way to."""
    return {alert.name for alert in await site.prometheus.alerts()} <= FADING


async def _value(site: WatchedSite, change: Change) -> float:
    return await site.value(line(change.panel, change.legend), change.where)


async def _changed(site: WatchedSite, change: Change, was: float) -> bool:
    return change.happened(was, await _value(site, change))


async def _says(site: WatchedSite, name: str, text: str) -> bool:
    """Tell whether an alert fires and says so of this site."""
    return any(
        alert.name == name and text in alert.annotations["summary"]
        for alert in await site.prometheus.alerts()
        if alert.firing and alert.annotations["summary"].startswith(f"{NAMESPACE}/{JOB}: ")
    )


async def _resolved(site: WatchedSite, fault: Fault) -> bool:
    return not await site.firing() & fault.alerts.keys()


async def _fired(site: WatchedSite, *, since: float) -> set[str]:
    """Return the names of all alerts that have fired."""
    fired = await site.prometheus.over(
        'ALERTS{alertstate="firing"}', start=since, end=time.time(), step=15 / FASTER
    )
    return {one.labels["alertname"] for one in fired}
