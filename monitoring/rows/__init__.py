"""The rows of the dashboard, a module each. A row holds a title and its panels from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import Panel


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels under it, which fill lines of 24 columns."""

    title: str
    panels: Sequence[Panel]
