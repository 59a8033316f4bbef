"""The few kinds of panel that the dashboard is made of, in Grafana's own schema.

    graph(
        "Quick retries",
        "Calls tried again at once.",
        "More than one in ten calls.",
        "reqps",
        q(rate(METRICS.lcm_retries, "method"), "{{method}}"),
    )

Every panel says what it shows, what bad looks like, and its unit; it has a query for each kind of line.
Names of units: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as schema

RUNBOOK: Final = "https://github.com/lcm-bridge/lcm-bridge/blob/main/docs/runbook.md"
DATASOURCE: Final = schema.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"
NOTHING: Final = "transparent"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and what its lines are called: text with `{{label}}` in it."""

    expr: str
    legend: str


def q(expr: str, legend: str) -> Query:
    """Shorten `Query`, which is what a panel is mostly made of."""
    return Query(expr, legend)


@dataclass(frozen=True, slots=True)
class Limits:
    """Colours of values: the colour of the lowest, and from which value on another one holds."""

    lowest: str
    steps: Sequence[tuple[float, str]] = ()


PLAIN: Final = Limits(BLUE)


def too_high(warn: float | None = None, bad: float | None = None) -> Limits:
    """Colour what is green below `warn`, and red from `bad` on."""
    return Limits(GREEN, [(at, colour) for at, colour in ((warn, ORANGE), (bad, RED)) if at is not None])


def too_low(*, warn: float, bad: float) -> Limits:
    """Colour what is red below `bad`, orange below `warn`."""
    return Limits(RED, [(bad, ORANGE), (warn, GREEN)])


Words = Mapping[int, tuple[str, str]]
"""What a value means, and its colour: `{0: ("closed", GREEN)}`."""


def tile(  # noqa: PLR0913 - what a panel can be told
    title: str,
    about: str,
    bad: str,
    unit: str,
    *queries: Query,
    limits: Limits = PLAIN,
    words: Words | None = None,
    decimals: int | None = None,
    empty: str = "none",
    named: bool = False,
    runbook: str | None = None,
    width: int = 4,
    height: int = 4,
) -> schema.Panel:
    """Show the present value of each query in big type, with a line of how it came about.

    `empty` stands where there never was a value in the time shown: Grafana takes the last one that there was.
    The name of a value is shown where there are several, or `named` says so. `runbook` is the alert whose
    chapter the panel leads to.
    """
    shown = options.BigValueTextMode.VALUE_AND_NAME if named else options.BigValueTextMode.AUTO
    # A word fills its tile; a number has its line beneath it.
    panel = (
        stat.Panel()
        .no_value(empty)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(options.BigValueGraphMode.AREA)
        .color_mode(options.BigValueColorMode.BACKGROUND if words else options.BigValueColorMode.VALUE)
        .text_mode(shown)
    )
    if decimals is not None:
        panel.decimals(decimals)
    _dress(panel, title, (about, bad), unit, queries, limits, words, runbook, (width, height))
    return panel.build()


def graph(  # noqa: PLR0913 - what a panel can be told
    title: str,
    about: str,
    bad: str,
    unit: str,
    *queries: Query,
    limits: Limits | None = None,
    stacked: bool = False,
    bars: bool = False,
    lowest: float | None = 0,
    highest: float | None = None,
    tinted: bool = True,
    colours: Mapping[str, str] | None = None,
    runbook: str | None = None,
    width: int = 8,
    height: int = 7,
) -> schema.Panel:
    """Show values over time.

    `limits` tint the background, or are lines where the tint would fill the panel when all is well, so that
    it is not `tinted`. `colours` are those of lines, by their names.
    """
    panel = (
        timeseries.Panel()
        .draw_style(options.GraphDrawStyle.BARS if bars else options.GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(70 if bars else 30 if stacked else 8)
        .show_points(options.VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(
            common.VizTooltipOptions()
            .mode(options.TooltipDisplayMode.MULTI)
            .sort(options.SortOrder.DESCENDING)
        )
    )
    if stacked or bars:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
    if lowest is not None:
        panel.min(lowest)
    if highest is not None:
        panel.max(highest)
    if limits is not None:
        modes = options.GraphThresholdsStyleMode
        style = common.GraphThresholdsStyleConfig().mode(modes.AREA if tinted else modes.DASHED)
        panel.thresholds_style(style)
    panel.color_scheme(builders.FieldColor().mode(schema.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    for name, colour in (colours or {}).items():
        fixed = {"mode": schema.FieldColorModeId.FIXED.value, "fixedColor": colour}
        panel.override_by_name(name, [schema.DynamicConfigValue(id_val="color", value=fixed)])
    # What is well stays without a tint: only trouble draws the eye.
    quiet = Limits(NOTHING) if limits is None else _without_green(limits)
    _dress(panel, title, (about, bad), unit, queries, quiet, None, runbook, (width, height))
    return panel.build()


def states(  # noqa: PLR0913 - what a panel can be told
    title: str,
    about: str,
    bad: str,
    *queries: Query,
    words: Words,
    width: int = 12,
    height: int = 6,
) -> schema.Panel:
    """Show in words what held when: one line for each query."""
    panel = (
        statetimeline.Panel()
        .show_value(options.VisibilityMode.AUTO)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .fill_opacity(75)
        .legend(common.VizLegendOptions().show_legend(show_legend=False))
    )
    _dress(panel, title, (about, bad), "none", queries, Limits(GREY), words, None, (width, height))
    return panel.build()


AnyPanel = stat.Panel | timeseries.Panel | statetimeline.Panel


def _dress(  # noqa: PLR0913, PLR0917 - what all kinds of panel have
    panel: AnyPanel,
    title: str,
    said: tuple[str, str],
    unit: str,
    queries: Sequence[Query],
    limits: Limits,
    words: Words | None,
    runbook: str | None,
    size: tuple[int, int],
) -> None:
    steps = [schema.Threshold(color=limits.lowest)]
    steps += [schema.Threshold(value=at, color=colour) for at, colour in limits.steps]
    panel.title(title).description(f"{said[0]} Bad: {said[1]}").unit(unit).datasource(DATASOURCE)
    panel.thresholds(builders.ThresholdsConfig().mode(schema.ThresholdsMode.ABSOLUTE).steps(steps))
    if not isinstance(panel, timeseries.Panel):
        panel.color_scheme(builders.FieldColor().mode(schema.FieldColorModeId.THRESHOLDS))
    panel.grid_pos(schema.GridPos(w=size[0], h=size[1]))
    if words is not None:
        named = {
            str(value): schema.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(words.items())
        }
        panel.mappings([schema.ValueMap(options=named)])
    if runbook is not None:
        link = builders.DashboardLink("Runbook").type(schema.DashboardLinkType.LINK)
        panel.links([link.url(f"{RUNBOOK}#{runbook.lower()}").target_blank(target_blank=True)])
    for letter, one in zip(ascii_uppercase, queries, strict=False):
        target = prometheus.Dataquery().expr(one.expr).legend_format(one.legend).ref_id(letter)
        panel.with_target(target.range().datasource(DATASOURCE))


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
    )


def _without_green(limits: Limits) -> Limits:
    def tint(colour: str) -> str:
        return NOTHING if colour == GREEN else colour

    return Limits(tint(limits.lowest), [(at, tint(colour)) for at, colour in limits.steps])
