#!/usr/bin/env python3
"""Answers questions about a chart with Helm's own engine: one JSON object per line in, one out.

Run by the Python of .venv-chart, which has the engine. A question is ``{"chart", "values", "options"}``; the
options are the engine's: name, namespace, kube_version, api_versions. The answer is
``{"files": {template: text}}``, or ``{"refused": why}``. With ``"lint": true`` it is Helm's strict lint, and
the answer ``{"messages": [text]}``.
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
    if question.get("lint"):
        report = helm_python.lint(
            question["chart"], strict=True, values=question["values"], kube_version=options["kube_version"]
        )
        worth_it = [one for one in report["messages"] if one["severity"] > INFORMATION]
        return {"messages": [f"{one['path']}: {one['error']}" for one in worth_it] + report["errors"]}
    with helm_python.Chart.load(question["chart"]) as chart:
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
