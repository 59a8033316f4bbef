"""Answers questions about a chart with Helm's own engine: one JSON object per line in, one out.

Run by .venv-chart's Python, which has the engine. A question is {"chart", "values", "options"}; the answer is
{"files": {template: text}} or {"refused": why}. With {"lint": true} in it, it is Helm's strict lint instead, and the answer is
{"problems": [text]}. `options` are those of the engine: name, namespace, kube_version, api_versions.
"""

import json
import sys

import helm_python
from helm_python import _native


def answer(question):
    if question.get("lint"):
        report = helm_python.lint(
            question["chart"],
            strict=True,
            values=question["values"],
            kube_version=question["options"]["kube_version"],
        )
        return {"problems": [str(one) for one in report["errors"]], "report": report}
    with helm_python.Chart.load(question["chart"]) as chart:
        # Chart.render() hands on neither kube_version nor api_versions.
        rendered = _native.call_string(
            "helm_render", chart._raw(), json.dumps(question["values"]), json.dumps(question["options"])
        )
    return {"files": json.loads(rendered)}


for line in sys.stdin:
    try:
        told = answer(json.loads(line))
    except helm_python.HelmError as error:
        told = {"refused": str(error)}
    print(json.dumps(told), flush=True)
