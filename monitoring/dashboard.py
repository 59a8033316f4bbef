"""Puts the dashboard together: the rows on Grafana's grid, the variables, the annotations, the links.

To add a panel, add it to the list of a row in `monitoring.rows`, and run `make dashboard`.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as schema

from monitoring.panels import DATASOURCE, RUNBOOK
from monitoring.promql import ANY, METRICS, SITE, family, highest, series
from monitoring.rows import Row, agents, lcm, letters, process, rabbitmq, redis

UID: Final = "lcm-bridge"
COLUMNS: Final = 24
"""Of Grafana's grid."""
ROWS: Final = (agents.ROW, rabbitmq.ROW, lcm.ROW, redis.ROW, letters.DEAD, letters.DUPLICATES, process.ROW)
ALL: Final = schema.VariableOption(selected=True, text="All", value="$__all")


def text(rows: Sequence[Row] = ROWS) -> str:
    """Return the JSON that Grafana imports. Raises ValueError for a line of the grid that is not full."""
    dashboard = (
        builders.Dashboard("lcm-bridge")
        .uid(UID)
        .description("Are agents served, and if not: is it RabbitMQ, Redis, LCM, or the bridge itself?")
        .tags(["lcm-bridge"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(schema.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .variables(_variables())
        .annotations(_annotations())
        .links(_links())
        .build()
    )
    dashboard.panels = list(_placed(rows))
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _placed(rows: Sequence[Row]) -> Iterator[schema.Panel | schema.RowPanel]:
    """Give each panel its number and its place on the grid, from left to right, line by line."""
    number, top = 1, 0
    for row in rows:
        place = schema.GridPos(h=1, w=COLUMNS, x=0, y=top)
        yield schema.RowPanel(title=row.title, id_val=number, grid_pos=place)
        number, top, left = number + 1, top + 1, 0
        for panel in row.panels:
            if panel.grid_pos is None or left + panel.grid_pos.w > COLUMNS:
                raise ValueError(f"{panel.title} does not fit into its line of {row.title}")
            panel.id_val = number
            panel.grid_pos.x, panel.grid_pos.y = left, top
            yield panel
            number, left = number + 1, left + panel.grid_pos.w
            if left == COLUMNS:
                top, left = top + panel.grid_pos.h, 0
        if left:
            raise ValueError(f"the last line of {row.title} has {left} columns, not {COLUMNS}")


def _variables() -> list[Builder[schema.VariableModel]]:
    # What has no namespace, because it runs outside of Kubernetes, must be found by All as well. Not so for
    # jobs: All would be every job there is, and process_* are metrics of most of them.
    info = family("lcm_bridge_info").name
    requests = series(METRICS.requests, operation=ANY)
    return [
        builders.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _of_label("namespace", info).all_value(".*"),
        _of_label("job", f'{info}{{namespace=~"$namespace"}}'),
        _of_label("operation", requests).all_value(".*"),
    ]


def _of_label(label: str, selector: str) -> builders.QueryVariable:
    query = f"label_values({selector}, {label})"
    return (
        builders.QueryVariable(label)
        .label(label.capitalize())
        .datasource(DATASOURCE)
        .query({"query": query, "refId": label})
        .refresh(schema.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(schema.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(ALL)
    )


def _annotations() -> list[Builder[schema.AnnotationQuery]]:
    # Grafana asks once a minute here, and takes the title from the label alertname.
    started = series(family("process_start_time_seconds"))
    return [
        _annotation("Breaker open", "red", f"{highest(METRICS.breaker_state, *SITE)} == 2"),
        _annotation("Worker started", "blue", f"(time() - {started}) < 90"),
    ]


def _annotation(name: str, colour: str, expr: str) -> builders.AnnotationQuery:
    titled = f'label_replace({expr}, "alertname", "{name}", "", "")'
    return (
        builders.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(enable=True)
        .icon_color(colour)
        .expr(titled)
    )


def _links() -> list[Builder[schema.DashboardLink]]:
    base = RUNBOOK.rpartition("/")[0]
    return [
        builders.DashboardLink(title)
        .type(schema.DashboardLinkType.LINK)
        .icon("doc")
        .tooltip(tooltip)
        .url(f"{base}/{page}")
        .target_blank(target_blank=True)
        for title, tooltip, page in (
            ("Runbook", "What to do about each alert", "runbook.md"),
            ("This dashboard", "What each row answers", "dashboard.md"),
            ("Unknown outcomes", "How to settle a side effect that nobody knows of", "unknown-outcomes.md"),
        )
    ]
