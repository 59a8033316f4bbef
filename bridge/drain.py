"""What a worker says of itself when it ends."""

import time
from collections import Counter

from bridge.bus.bus import Bus
from bridge.metrics import Metrics


class Drain:
    """What a worker did from the moment on in which it began to end."""

    def __init__(self, metrics: Metrics, bus: Bus) -> None:
        self._metrics = metrics
        self._bus = bus
        self._since = time.monotonic()
        self._settled = served(metrics).total()
        self._given_back = bus.given_back

    def account(self, begun: float) -> dict[str, object]:
        """Return what the last line says, of a worker that was ``begun`` then (`time.monotonic`).

        ``seconds`` that the end took, requests ``finished`` and ``given_back`` in it; of the whole run, how
        many were ``served`` by outcome, and the ``uptime`` in seconds.
        """
        now, since_start = time.monotonic(), served(self._metrics)
        return {
            "seconds": round(now - self._since, 1),
            "finished": since_start.total() - self._settled,
            "given_back": self._bus.given_back - self._given_back,
            "served": dict(since_start),
            "uptime": round(now - begun),
        }


def served(metrics: Metrics) -> Counter[str]:
    """Return how many requests were settled, by outcome."""
    found: Counter[str] = Counter()
    for family in metrics.requests.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.value:
                found[sample.labels["outcome"]] += int(sample.value)
    return found
