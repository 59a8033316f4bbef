"""The chart by the rules of others: Helm's lint, Kubernetes' schemas, the operators' types, policies.

`make chart` runs it. No part of `make test`: it needs what `scripts/setup.sh --chart` installs.
"""

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart.conftest import VALUES
from chart.helm import CHART, Helm, Refused, Rendered
from chart.tools import against_policies, against_schemas, against_types, is_operators, node_is_there

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
KEPT = yaml.safe_load((HERE / "policy.yaml").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
REFUSED = yaml.safe_load((HERE / "refused.yaml").read_text(encoding="utf-8"))

OLDEST, NEWEST = "1.27", "1.37"
"""Versions of Kubernetes: the first that Chart.yaml allows, and the newest that there is a schema of."""


def test_lint(engine: Helm, values: dict[str, Any]) -> None:
    """Helm's strict lint finds nothing."""
    assert [] == engine.lint(values)


def test_install(engine: Helm, values: dict[str, Any], chart: Rendered) -> None:
    """Helm installs every resource but the test's, as far as that shows without a cluster."""
    hooks = ("helm.sh/hook" in one["metadata"].get("annotations", {}) for one in chart.resources)
    ordinary = [one for one, is_hook in zip(chart.resources, hooks, strict=True) if not is_hook]

    def names(resources: list[Any]) -> list[tuple[str, str]]:
        return sorted((one["kind"], one["metadata"]["name"]) for one in resources)

    assert names(ordinary) == names(engine.install(values))
    assert 2 == len(chart.resources) - len(ordinary)


def test_archive(engine: Helm, rendered: dict[str, Rendered], tmp_path: Path) -> None:
    """The packaged chart renders as the folder does: nothing that it needs is left out."""
    archive = engine.package(tmp_path)

    assert rendered["production"].text == engine.render(VALUES["production"], chart=archive).text


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_schemas(rendered: dict[str, Rendered], version: str, tmp_path: Path) -> None:
    """Every resource of Kubernetes' own kinds fits its schema, without unknown members."""
    resources = [resource for chart in rendered.values() for resource in chart.resources]

    assert [] == against_schemas([one for one in resources if not is_operators(one)], version, tmp_path)


def test_schemas_are_strict(rendered: dict[str, Rendered], tmp_path: Path) -> None:
    """The schemas find a member that is misspelt, and a kind that there is not."""
    misspelt = rendered["default"].one("Deployment")
    misspelt["spec"]["template"]["spec"]["terminationGracePeriod"] = 35
    unknown = {"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "nothing"}}

    assert any("terminationGracePeriod" in one for one in against_schemas([misspelt], NEWEST, tmp_path))
    assert [] != against_schemas([unknown], NEWEST, tmp_path)


@pytest.mark.timeout(300)
@pytest.mark.skipif(not node_is_there(), reason="needs npm and Node 20.19 or newer")
def test_types(rendered: dict[str, Rendered]) -> None:
    """Every resource, those for operators (Prometheus, KEDA) too, fits its type, without unknown members.

    Members that are misspelt, wrong or missing are found: in three resources that are looked at beside the
    chart's. To read the types takes longer than everything else.
    """
    resources = [resource for chart in rendered.values() for resource in chart.resources]
    kinds = ("PodMonitor", "PrometheusRule", "ScaledObject")
    misspelt, wrong, missing = (deepcopy(rendered["production"].one(kind)) for kind in kinds)
    misspelt["spec"]["podMetricsEndpoints"][0]["intervall"] = "30s"
    wrong["spec"]["groups"][0]["interval"] = "half a minute"
    del missing["spec"]["triggers"][0]["metadata"]
    for one in (misspelt, wrong, missing):
        one["metadata"]["name"] = "faulty"

    found = against_types([*resources, misspelt, wrong, missing])

    assert {"PodMonitor", "PrometheusRule", "ScaledObject", "ServiceMonitor", "TriggerAuthentication"} == {
        one["kind"] for one in resources if is_operators(one)
    }
    assert [] == [one for one in found if " faulty: " not in one]
    assert any("PodMonitor faulty: " in one and "intervall" in one for one in found)
    assert set(kinds) == {one.split()[0] for one in found}


@pytest.mark.timeout(300)
def test_policies(rendered: dict[str, Rendered], tmp_path: Path) -> None:
    """Policies for workloads are kept, but for those that tests/chart/policy.yaml gives a reason for."""
    resources = [one for name in ("production", "trial", "hpa") for one in rendered[name].resources]
    found = against_policies(resources, tmp_path)
    test_pod_alone = {"CKV_K8S_8", "CKV_K8S_9"}

    assert set(KEPT) == set(found), {policy: found[policy] for policy in set(found) - set(KEPT)}
    assert {"Pod.lcm-bridge-test"} == set().union(*(found[one] for one in test_pod_alone))


@pytest.mark.parametrize("refused", REFUSED, ids=lambda one: str(one["values"])[:60])
def test_refusals(engine: Helm, refused: dict[str, Any]) -> None:
    """Values that cannot be right are refused, with a message that says what to change."""
    with pytest.raises(Refused) as told:
        engine.render(refused["values"])

    assert refused["says"] in str(told.value)


@pytest.mark.parametrize("name", [name for name, value in DEFAULTS.items() if value])
def test_a_value_without_content_is_refused(engine: Helm, name: str) -> None:
    """A name with nothing after it, which YAML takes for null, takes no default away unseen."""
    with pytest.raises(Refused, match=f"missing property '{name}'"):
        engine.render({name: None})


@pytest.mark.parametrize("name", [name for name, value in DEFAULTS.items() if not value and name != "config"])
def test_an_empty_value_may_be_null(engine: Helm, rendered: dict[str, Rendered], name: str) -> None:
    """What is empty by default may as well be null."""
    assert rendered["default"].text == engine.render({name: None}).text


def test_golden(case: str, chart: Rendered) -> None:
    """The rendering is the one that was reviewed: tests/chart/golden, which GOLDEN=write takes anew."""
    text = chart.text
    for embedded in ("rules/lcm-bridge.yaml", "dashboards/lcm-bridge.json"):
        content = (CHART / embedded).read_text(encoding="utf-8")
        for indent in ("  ", "    "):
            indented = "\n".join(indent + line for line in content.splitlines())
            text = text.replace(indented.rstrip(), f"{indent}<{embedded}>")
    file = GOLDEN / f"{case}.yaml"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == text


def test_no_golden_rendering_is_left_over() -> None:
    """There is one golden rendering for each set of values."""
    assert set(VALUES) == {file.stem for file in GOLDEN.glob("*.yaml")}
