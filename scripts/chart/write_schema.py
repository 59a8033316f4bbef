#!/usr/bin/env python3
"""Write what `config` of the chart's values may hold, from bridge.settings, into values.schema.json.

Run it with the project's Python after a change of the settings:
.venv/bin/python scripts/chart/write_schema.py. Everything else in that file is written by hand.
"""

import json
from pathlib import Path
from typing import Any

from bridge.operations.declared.forms import NAME
from bridge.settings import Settings

FILE = Path(__file__).parents[2] / "helm" / "lcm-bridge" / "values.schema.json"

ELSEWHERE = {
    "amqp.url": "rabbitmq.existingSecret or rabbitmq.url",
    "amqp.password": "a Secret of extraSecrets, as BRIDGE_AMQP__PASSWORD",
    "redis.url": "redis.existingSecret or redis.url",
    "redis.password": "a Secret of extraSecrets, as BRIDGE_REDIS__PASSWORD",
    "redis.sentinel_password": "a Secret of extraSecrets, as BRIDGE_REDIS__SENTINEL_PASSWORD",
    "lcm.base_url": "lcm.baseUrl",
    "lcm.username": "lcm.existingSecret or lcm.username",
    "lcm.password": "lcm.existingSecret or lcm.password",
    "lcm.bearer_token": "lcm.existingSecret or lcm.bearerToken",
    "lcm.headers": "lcm.existingSecret or lcm.headers",
}
"""Settings that have a value of their own in the chart: every secret among them."""


def text() -> str:
    """Return the whole file as it should be. Raises ValueError for a secret without a place in the chart."""
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    schema["$defs"]["settings"] = settings()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def settings() -> dict[str, Any]:
    """Return the schema of `config`: groups, settings and their bounds as the worker itself knows them."""
    whole = Settings.model_json_schema()
    groups = {name: _group(name, part, whole["$defs"]) for name, part in whole["properties"].items()}
    # A pod is probed at a port that its manifest names.
    groups["admin"]["properties"]["port"]["minimum"] = 1
    # The worker looks at it with code, of which its own schema says nothing.
    groups["tracing"]["properties"]["endpoint"]["pattern"] = r"^(https?://[^\s/?#@]+[^\s?#@]*)?$"
    # Any name, since a site may add operations; the worker refuses one that there is not, in whatever case.
    operations = {"pattern": NAME}
    groups["access"]["propertyNames"] = groups["sources"]["propertyNames"] = operations
    groups["lcm"]["properties"]["methods"]["propertyNames"] = operations
    return {"type": "object", "additionalProperties": False, "properties": groups}


def _group(name: str, part: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return _bare(part)
    model = models[part["$ref"].rpartition("/")[2]]
    properties = {field: _setting(f"{name}.{field}", about) for field, about in model["properties"].items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _setting(dotted: str, about: dict[str, Any]) -> dict[str, Any]:
    if dotted in ELSEWHERE:
        # So a schema can say what to do instead: Helm shows this text as what must stand there.
        return {"const": f"not here: {dotted} belongs into {ELSEWHERE[dotted]}"}
    if "writeOnly" in json.dumps(about):
        raise ValueError(f"{dotted} is a secret: give it a place in the chart, and name that in ELSEWHERE")
    return _bare(about)


def _bare(about: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing about the value, and defaults: the worker's own hold."""
    return {key: value for key, value in about.items() if key not in {"title", "default"}}


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
