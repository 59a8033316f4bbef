"""Rules for a world in which time passes faster: every duration divided by a factor.

A rule that looks back five minutes and waits for two fires within seconds then, if scrapes come as much
faster. What is counted per second stays as it is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_MILLISECONDS: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_DURATION: Final = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")

# promql-parser reads expressions and prints them, but prints a range below a second as [0s] and loses the
# escapes in strings. Outside of strings and comments a duration stands in brackets or after "offset" only
# (Prometheus 2.42, https://prometheus.io/docs/prometheus/2.42/querying/basics/).
_TIMED: Final = re.compile(
    r"""
    "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | \#[^\n]*
    | (?P<timed> \[[^\]]*\] | \boffset\s+-?\s*[0-9a-z]+ )
    """,
    re.VERBOSE,
)


def compress_duration(duration: str, factor: float) -> str:
    """Divide a duration as Prometheus writes it, ``1h30m``; what is not 0 is 1 ms at least.

    Raises ValueError where it is none.
    """
    if duration == "0":
        return duration
    if _DURATION.fullmatch(duration) is None:
        raise ValueError(f"{duration!r} is no duration")
    milliseconds = sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(duration))
    return f"{max(round(milliseconds / factor), min(milliseconds, 1))}ms"


def compress_expression(expression: str, factor: float) -> str:
    """Divide every range, step of a subquery, and offset in a PromQL expression."""

    def shorter(found: re.Match[str]) -> str:
        if found["timed"] is None:
            return found[0]
        return _DURATION.sub(lambda duration: compress_duration(duration[0], factor), found[0])

    return _TIMED.sub(shorter, expression)


def compress_rules(
    rules: Mapping[str, Any], factor: float, *, alerts: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Divide every duration in the content of a rules file.

    ``alerts`` names alerts with a factor of their own. All else stays as it is, expressions in annotations
    too.
    """
    own = alerts or {}
    return {
        **rules,
        "groups": [
            {
                **group,
                **_durations(group, ("interval",), factor),
                "rules": [
                    _compress_rule(rule, own.get(rule.get("alert", ""), factor)) for rule in group["rules"]
                ],
            }
            for group in rules["groups"]
        ],
    }


def _compress_rule(rule: Mapping[str, Any], factor: float) -> dict[str, Any]:
    return {
        **rule,
        **_durations(rule, ("for", "keep_firing_for"), factor),
        "expr": compress_expression(str(rule["expr"]), factor),
    }


def _durations(settings: Mapping[str, Any], names: Sequence[str], factor: float) -> dict[str, str]:
    return {name: compress_duration(settings[name], factor) for name in names if name in settings}
