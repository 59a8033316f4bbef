#!/usr/bin/env python3
"""Write the chart's README anew from the comments in its values.yaml.

Run it with the project's Python after a change of the values: .venv/bin/python scripts/chart/write_readme.py

``# -- `` begins what is said of the value under it, ``# @section `` a heading. What has a comment is one
value, also where it is a map; what has none must be a map of values that do. (helm-docs reads the same
comments, but is a program in Go.)
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "lcm-bridge"
FILE = CHART / "README.md"

HEAD = """\
<!-- Written by scripts/chart/write_readme.py from Chart.yaml and the comments in values.yaml. -->

# The chart {name}

{description}. Chart {version}, for lcm-bridge {app_version}; Kubernetes {kube_version}.

    helm install lcm-bridge helm/lcm-bridge --namespace contact-centre --create-namespace
    helm test lcm-bridge --namespace contact-centre --logs

Without any values it looks for RabbitMQ, Redis and LCM at services named `rabbitmq`, `redis` and `lcm`;
`--set simulator.enabled=true` brings a stand-in for LCM along.
[deploy.md](../../docs/deploy.md#in-kubernetes) says how to put it into production,
[CHANGELOG.md](CHANGELOG.md) what changes from one version of the chart to the next.

Values that cannot be right are refused, unknown ones too: [values.schema.json](values.schema.json). So is a
name with nothing after it, which is null, and for Helm takes the default away.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """One row: the value's full name, its default and what is said of it."""

    name: str
    default: Any
    about: str


def text() -> str:
    """Return the whole file. Raises ValueError for a value that nothing is said of."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    lines = [
        HEAD.format(
            name=chart["name"],
            description=chart["description"],
            version=chart["version"],
            app_version=chart["appVersion"],
            kube_version=chart["kubeVersion"].removesuffix("-0"),
        )
    ]
    for title, values in sections((CHART / "values.yaml").read_text(encoding="utf-8")):
        lines += [f"## {title}", "", "| value | what it is | default |", "|---|---|---|"]
        lines += [
            f"| `{one.name}` | {_cell(one.about)} | `{_cell(json.dumps(one.default))}` |" for one in values
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def sections(source: str) -> Iterator[tuple[str, list[Value]]]:
    """Give each section's title and values. Raises ValueError for a value that nothing is said of."""
    root = yaml.compose(source)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - for the types
    lines = source.splitlines()
    titles = {
        number: line.removeprefix("# @section ")
        for number, line in enumerate(lines)
        if line.startswith("# @section ")
    }
    found: dict[str, list[Value]] = {title: [] for title in titles.values()}
    for line, value in _values(root, lines, ""):
        found[titles[max(number for number in titles if number < line)]].append(value)
    yield from found.items()


def _values(node: yaml.MappingNode, lines: list[str], path: str) -> Iterator[tuple[int, Value]]:
    for key, value in node.value:
        line, name = key.start_mark.line, f"{path}{key.value}"
        about = _comment_above(lines, line)
        if about:
            yield line, Value(name, yaml.safe_load(yaml.serialize(value)), about)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _values(value, lines, f"{name}.")
        else:
            raise ValueError(f"values.yaml, line {line + 1}: nothing is said of {name}")


def _comment_above(lines: list[str], line: int) -> str:
    found: list[str] = []
    while line and (comment := lines[line - 1].strip()).startswith("#"):
        line -= 1
        if comment.startswith("# -- "):
            return " ".join([comment.removeprefix("# -- "), *found])
        found.insert(0, comment.removeprefix("# "))
    return ""


def _cell(content: str) -> str:
    return content.replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
