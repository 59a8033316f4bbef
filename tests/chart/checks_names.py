"""Names and labels of the rendered resources. `make chart` runs it."""

import re

import pytest
from chart.helm import Helm, Refused


@pytest.mark.parametrize("name", ["lcm-bridge", "demo", "a.b", "a" * 53])
def test_names(engine: Helm, name: str) -> None:
    """Everything has a name of its own, which a Service may have too, and which tells the release."""
    values = {"simulator": {"enabled": True}, "dashboard": {"enabled": True}}
    chart = engine.render(values, name=name)
    names = [(one["kind"], one["metadata"]["name"]) for one in chart.resources]

    assert len(names) == len(set(names))
    assert [] == [one for _, one in names if not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", one)]
    assert [] == [one for _, one in names if not one.startswith(name[:52].replace(".", "-"))]


def test_a_name_that_no_service_may_have(engine: Helm) -> None:
    """A release whose name begins with a digit needs another name for its resources, and is told so."""
    with pytest.raises(Refused, match="set fullnameOverride: everything would be named 2nd-lcm-bridge"):
        engine.render(name="2nd")


@pytest.mark.parametrize("name", ["123", "1e5", "true"])
def test_labels_are_texts(engine: Helm, name: str) -> None:
    """A release named like a number or a truth value has that name as a text in labels and selectors."""
    chart = engine.render({"fullnameOverride": "bridge"}, name=name)
    selector = chart.deployment["spec"]["selector"]["matchLabels"]

    assert name == selector["app.kubernetes.io/instance"]
    assert {name} == {one["metadata"]["labels"]["app.kubernetes.io/instance"] for one in chart.resources}


def test_labels_of_several_values(engine: Helm) -> None:
    """A label of one kind of resource wins over one for everything, and none is there twice."""
    values = {
        "commonLabels": {"team": "all", "grafana_dashboard": "0"},
        "podLabels": {"team": "pods"},
        "podMonitor": {"enabled": True, "additionalLabels": {"team": "monitor"}},
        "dashboard": {"enabled": True},
    }
    chart = engine.render(values)
    labels = [
        chart.one("ConfigMap")["metadata"]["labels"],
        chart.worker["metadata"]["labels"],
        chart.one("PodMonitor")["metadata"]["labels"],
        chart.one("ConfigMap", "lcm-bridge-dashboard")["metadata"]["labels"],
    ]

    assert [("all", "0"), ("pods", "0"), ("monitor", "0"), ("all", "1")] == [
        (one["team"], one["grafana_dashboard"]) for one in labels
    ]
