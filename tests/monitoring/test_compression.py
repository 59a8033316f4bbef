"""Durations in rules, divided."""

import promql_parser
import pytest

from monitoring.compression import compress_duration, compress_expression, compress_rules


@pytest.mark.parametrize(
    ("duration", "shorter"),
    [
        ("5m", "5000ms"),
        ("1h30m", "90000ms"),
        ("500ms", "8ms"),
        ("3d", "4320000ms"),
        ("1w", "10080000ms"),
        ("1y", "525600000ms"),
        ("1ms", "1ms"),
        ("0s", "0ms"),
        ("0", "0"),
    ],
)
def test_a_duration_is_divided(duration: str, shorter: str) -> None:
    """Every unit, and several of them, in milliseconds; what is not nothing does not become nothing."""
    assert shorter == compress_duration(duration, 60)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing is passed on as it is by accident."""
    with pytest.raises(ValueError, match="is no duration"):
        compress_duration(text, 60)


@pytest.mark.parametrize(
    ("expression", "shorter"),
    [
        ("rate(a_total[5m])", "rate(a_total[5000ms])"),
        ("a offset 1h - a", "a offset 60000ms - a"),
        ("a offset -1h", "a offset -60000ms"),
        ("max_over_time(rate(a[1m])[1h:30s])", "max_over_time(rate(a[1000ms])[60000ms:500ms])"),
        (
            "max_over_time(rate(a[1m])[1h:] offset 2m)",
            "max_over_time(rate(a[1000ms])[60000ms:] offset 2000ms)",
        ),
        ("rate(a[5m]) > 0.5 and b > 300", "rate(a[5000ms]) > 0.5 and b > 300"),
        ('a{b="[5m]", c=~\'x offset 5m"[5m]\'}', 'a{b="[5m]", c=~\'x offset 5m"[5m]\'}'),
        (r'label_replace(a, "b", "\"[5m]", "c", `"[5m]`)', r'label_replace(a, "b", "\"[5m]", "c", `"[5m]`)'),
        ("a # the last [5m]\n> rate(b[5m])", "a # the last [5m]\n> rate(b[5000ms])"),
        ("sum by (offset) (m5m)", "sum by (offset) (m5m)"),
    ],
)
def test_ranges_steps_and_offsets_are_divided(expression: str, shorter: str) -> None:
    """And nothing else: no number, no text, no comment, no name; the result can be read."""
    assert shorter == compress_expression(expression, 60)
    promql_parser.parse(shorter)


def test_a_rules_file_is_divided_as_a_whole() -> None:
    """Intervals, expressions, `for` and `keep_firing_for`; an alert may have a factor of its own."""
    rules = {
        "groups": [
            {
                "name": "g",
                "interval": "1m",
                "rules": [
                    {"record": "a:rate5m", "expr": "rate(a[5m])", "labels": {"window": "5m"}},
                    {
                        "alert": "A",
                        "expr": "a:rate5m > 5",
                        "for": "10m",
                        "keep_firing_for": "5m",
                        "annotations": {"summary": "for 10m"},
                    },
                    {"alert": "B", "expr": "increase(b[6h]) > 0", "for": "4h"},
                ],
            },
            {"name": "h", "rules": [{"alert": "C", "expr": 1}]},
        ]
    }

    assert compress_rules(rules, 60, alerts={"B": 3600}) == {
        "groups": [
            {
                "name": "g",
                "interval": "1000ms",
                "rules": [
                    {"record": "a:rate5m", "expr": "rate(a[5000ms])", "labels": {"window": "5m"}},
                    {
                        "alert": "A",
                        "expr": "a:rate5m > 5",
                        "for": "10000ms",
                        "keep_firing_for": "5000ms",
                        "annotations": {"summary": "for 10m"},
                    },
                    {"alert": "B", "expr": "increase(b[6000ms]) > 0", "for": "4000ms"},
                ],
            },
            {"name": "h", "rules": [{"alert": "C", "expr": "1"}]},
        ]
    }
