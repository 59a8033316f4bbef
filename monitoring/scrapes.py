"""What a Prometheus is told, and what it tells: targets and pace, series and alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A worker to scrape: ``host:port`` of its admin server, and the labels that the platform adds."""

    address: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often Prometheus looks, in seconds; the defaults are those of the Prometheus operator."""

    scrape: float = 30.0
    evaluate: float = 30.0
    lookback: float = 300.0
    """The age at which a sample no longer counts as the present one."""

    def faster(self, factor: float) -> "Pace":
        """Return the pace of a world in which time passes so many times faster."""
        return Pace(
            scrape=self.scrape / factor, evaluate=self.evaluate / factor, lookback=self.lookback / factor
        )


@dataclass(frozen=True)
class Series:
    """A time series: its labels, and pairs of unix seconds and value, at least one."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def value(self) -> float:
        """The last value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Alert:
    """An alert that is pending or firing, with its annotations as rendered."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    active_at: float
    """Unix seconds at which its expression became true."""

    @property
    def firing(self) -> bool:
        """Whether its expression has been true for long enough."""
        return self.state == "firing"
