"""The Helm chart, as far as that can be seen without Helm. `make chart` does the rest."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import bridge
from bridge.settings import Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "lcm-bridge"
ABOUT = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def script(name: str) -> ModuleType:
    """Load a script of the project."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "chart" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unknown(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> list[str]:
    """Return the values that the schema does not know, and the other way round."""
    if "properties" not in schema:
        return []
    known = schema["properties"]
    optional = {"global"} if not path else {"initialDelaySeconds", "successThreshold", "claims"}
    odd = [f"{path}{name}" for name in values.keys() ^ known.keys() if name not in optional]
    for name, value in values.items():
        if isinstance(value, dict) and name in known:
            odd += unknown(value, known[name], f"{path}{name}.")
    return odd


def test_the_chart_installs_this_version() -> None:
    """The chart's appVersion is the version of the package."""
    assert bridge.__version__ == ABOUT["appVersion"]


def test_the_changelog_names_the_version() -> None:
    """The chart's changelog begins with the chart's version."""
    versions = re.findall(r"(?m)^## (\S+)", (CHART / "CHANGELOG.md").read_text(encoding="utf-8"))

    assert ABOUT["version"] == versions[0]


def test_the_readme_is_what_the_script_writes() -> None:
    """After a change of the values, scripts/chart/write_readme.py was run."""
    assert script("write_readme").text() == (CHART / "README.md").read_text(encoding="utf-8")


def test_the_schema_is_what_the_script_writes() -> None:
    """After a change of the settings, scripts/chart/write_schema.py was run."""
    assert script("write_schema").text() == (CHART / "values.schema.json").read_text(encoding="utf-8")


def test_a_new_secret_needs_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema's writer refuses a secret that would end up in the config map."""
    writer = script("write_schema")
    monkeypatch.delitem(writer.ELSEWHERE, "lcm.headers")

    with pytest.raises(ValueError, match=r"lcm\.headers is a secret"):
        writer.settings()


def test_the_tools_are_locked() -> None:
    """What `make chart` installs is named by version and hash, and by no place to get it from."""
    python = (ROOT / "requirements-chart.lock").read_text(encoding="utf-8")
    packages = json.loads((ROOT / "scripts/chart/types/package-lock.json").read_text(encoding="utf-8"))[
        "packages"
    ]

    assert "helm-python-sdk==" in python
    assert [] == re.findall(r"(?m)^[a-z0-9._-]+==[^\n\\]*(?!\\)$", python)
    assert "://" not in python
    assert [] == [
        name for name, one in packages.items() if name and ("integrity" not in one or "resolved" in one)
    ]


def test_every_value_has_a_comment() -> None:
    """The README's writer refuses a value that nothing is said of."""
    sections = script("write_readme").sections

    assert [("a.b", 1)] == [
        (one.name, one.default)
        for _, values in sections("# @section X\na:\n  # -- b\n  b: 1\n")
        for one in values
    ]
    with pytest.raises(ValueError, match=r"line 5: nothing is said of a\.c"):
        list(sections("# @section X\na:\n  # -- b\n  b: 1\n  c: 2\n"))


def test_the_schema_knows_the_values_and_no_others() -> None:
    """Every value has its place in the schema, and every place a value."""
    assert [] == unknown(VALUES, SCHEMA)


def test_the_schema_knows_every_setting() -> None:
    """`config` takes the groups and settings of the worker; those that are secret have another place."""
    known = SCHEMA["$defs"]["settings"]["properties"]
    secret = [
        f"{group}.{name}"
        for group, value in Settings()
        for name, field in getattr(type(value), "model_fields", {}).items()
        if "SecretStr" in str(field.annotation)
    ]

    assert set(Settings.model_fields) == set(known)
    assert 8 == len(secret)
    assert [] == [
        name for name in secret if "const" not in known[name.split(".")[0]]["properties"][name.split(".")[1]]
    ]
