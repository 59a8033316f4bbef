#!/usr/bin/env python3
"""Answers questions about a chart with Helm's own engine: one JSON object per line in, one out.

Run by the Python of .venv-chart, which has the engine. A question is
``{"do", "chart", "values", "options"}``; the options are the engine's: name, namespace, kube_version,
api_versions. What it can do, and what it answers:

- ``render``: ``{"files": {template: text}}``
- ``install``, without asking a cluster: ``{"manifest": text}``
- ``lint``, strictly: ``{"messages": [text]}``
- ``package`` into the folder ``"to"``: ``{"archive": path}``

What Helm refuses is answered with ``{"refused": why}``.
"""

import json
import sys
from typing import Any

import helm_python
from helm_python import _native

INFORMATION = 1


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Raise `helm_python.HelmError` for a chart or values that Helm refuses."""
    options = question["options"]
    if question["do"] == "lint":
        report = helm_python.lint(
            question["chart"], strict=True, values=question["values"], kube_version=options["kube_version"]
        )
        worth_it = [one for one in report["messages"] if one["severity"] > INFORMATION]
        return {"messages": [f"{one['path']}: {one['error']}" for one in worth_it] + report["errors"]}
    if question["do"] == "package":
        return {"archive": helm_python.package(question["chart"], destination=question["to"])}
    with helm_python.Chart.load(question["chart"]) as chart:
        if question["do"] == "install":
            with helm_python.Config(storage_driver="memory") as config:
                release = config.install(
                    chart,
                    options["name"],
                    question["values"],
                    namespace=options["namespace"],
                    dry_run="client",
                )
            return {"manifest": release["manifest"]}
        # Chart.render() of this version hands on neither kube_version nor api_versions.
        rendered = _native.call_string(
            "helm_render",
            chart._raw(),  # noqa: SLF001
            json.dumps(question["values"]),
            json.dumps(options),
        )
    return {"files": json.loads(rendered)}


def main() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except helm_python.HelmError as error:
            told = {"refused": str(error)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
