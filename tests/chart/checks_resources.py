"""What the rendered resources mean together: scaling, selectors, ports, security. `make chart` runs it."""

import json
from typing import Any

import pytest
import yaml
from chart.helm import CHART, Helm, Rendered, Resource

from bridge.envelope import parse
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules
from bridge.strictjson import Limits

SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def labels_of(chart: Rendered) -> dict[str, dict[str, str]]:
    """Return the labels of every pod by its component."""
    labels = [pod["metadata"]["labels"] for pod in chart.pods]
    return {one["app.kubernetes.io/component"]: one for one in labels}


def selected(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Tell whether a selector takes a pod with these labels."""
    wanted = selector.get("matchLabels", selector)
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return wanted.items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def ports(policy: Resource, direction: str = "egress") -> list[list[Any]]:
    """Return the ports of each rule of a network policy."""
    return [[port["port"] for port in rule["ports"]] for rule in policy["spec"][direction]]


def test_selectors(chart: Rendered) -> None:
    """Whatever selects pods selects those that it is for, and no others."""
    found = labels_of(chart)
    for one in chart.resources:
        kind, simulator = one["kind"], one["metadata"]["name"].endswith("-simulator")
        selector = (one.get("spec") or {}).get("podSelector" if kind == "NetworkPolicy" else "selector")
        if not selector or kind == "ServiceMonitor":  # that one selects the Service, below
            continue
        meant = {"simulator"} if simulator else {"worker", "test"} if kind == "NetworkPolicy" else {"worker"}
        assert meant == {name for name, labels in found.items() if selected(selector, labels)}, one
    for monitor in chart.all("ServiceMonitor"):
        assert selected(monitor["spec"]["selector"], chart.one("Service")["metadata"]["labels"])
    for constraint in chart.worker["spec"].get("topologySpreadConstraints", []):
        assert selected(constraint["labelSelector"], found["worker"])


def test_one_scaler_at_most(rendered: dict[str, Rendered]) -> None:
    """The number of workers is fixed, or one scaler has it: then the Deployment does not name it."""
    found = {
        name: (
            [one["kind"] for one in chart.resources if one["kind"] in SCALERS],
            chart.deployment["spec"].get("replicas"),
        )
        for name, chart in rendered.items()
    }

    assert {
        "default": ([], 2),
        "hpa": (["HorizontalPodAutoscaler"], None),
        "production": (["ScaledObject"], None),
        "trial": ([], 1),
        "values-in-secret": ([], 2),
    } == found


@pytest.mark.parametrize(
    ("amqp", "queues"),
    [
        ({}, ["lcm.requests.agent", "lcm.requests.campaign"]),
        ({"prefix": "site-a"}, ["site-a.requests.agent", "site-a.requests.campaign"]),
        ({"prefix": "site-a", "agent_queue": "agents"}, ["agents", "site-a.requests.campaign"]),
        ({"campaign_prefetch": 0}, ["lcm.requests.agent"]),
        ({"agent_prefetch": 0, "campaign_prefetch": 50}, ["lcm.requests.campaign"]),
    ],
)
def test_scaling_looks_at_the_queues_of_the_settings(
    engine: Helm, amqp: dict[str, str | int], queues: list[str]
) -> None:
    """Both scalers watch the queues that the workers consume."""
    hpa = engine.render({"config": {"amqp": amqp}, "autoscaling": {"mode": "hpa"}})
    keda = engine.render({"config": {"amqp": amqp}, "autoscaling": {"mode": "keda"}})
    external = [one["external"] for one in hpa.one("HorizontalPodAutoscaler")["spec"]["metrics"]]
    triggers = keda.one("ScaledObject")["spec"]["triggers"]

    assert queues == [one["metric"]["selector"]["matchLabels"]["queue"] for one in external]
    assert queues == [one["metadata"]["queueName"] for one in triggers]


@pytest.mark.parametrize(
    ("values", "secret"),
    [
        ({}, ("lcm-bridge", "BRIDGE_AMQP__URL")),
        ({"rabbitmq": {"existingSecret": "theirs", "existingSecretKey": "uri"}}, ("theirs", "uri")),
        ({"rabbitmq": {"existingSecretKey": "uri"}}, ("lcm-bridge", "BRIDGE_AMQP__URL")),
    ],
)
def test_keda_logs_in(engine: Helm, values: dict[str, Any], secret: tuple[str, str]) -> None:
    """KEDA finds the URL of RabbitMQ in the Secret that the workers take it from."""
    chart = engine.render(values | {"autoscaling": {"mode": "keda"}})
    [reference] = chart.one("TriggerAuthentication")["spec"]["secretTargetRef"]

    assert secret == (reference["name"], reference["key"])


def test_a_new_version_takes_no_capacity_away(chart: Rendered) -> None:
    """No worker is taken away before a new one is ready."""
    rolling = chart.deployment["spec"]["strategy"]["rollingUpdate"]

    assert 0 == rolling["maxUnavailable"]
    assert rolling["maxSurge"]


@pytest.mark.parametrize("port", [None, 9090])
def test_the_admin_port_is_that_of_the_settings(engine: Helm, port: int | None) -> None:
    """Probes, monitors and the network policy go by the name of the one port that the worker listens on."""
    config = {"admin": {"port": port}} if port else {}
    chart = engine.render({"config": config, "serviceMonitor": {"enabled": True}})
    [container] = chart.worker["spec"]["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}

    assert [("admin", port or 8080)] == [(one["name"], one["containerPort"]) for one in container["ports"]]
    assert {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"} == {
        name: probe["path"] for name, probe in probes.items()
    }
    assert {"admin"} == {probe["port"] for probe in probes.values()}
    assert [["admin"]] == ports(chart.one("NetworkPolicy"), "ingress")
    assert "admin" == chart.one("ServiceMonitor")["spec"]["endpoints"][0]["port"]


@pytest.mark.parametrize(
    ("values", "rabbitmq", "redis", "lcm"),
    [
        ({}, [5672], [6379], [80]),
        (
            {
                "rabbitmq": {"url": "amqps://u:p:1@a/v,amqps://u:p@b:5699/v?x=:1"},
                "redis": {"url": "rediss+cluster://:p@a:7000,b:7001,c"},
                "lcm": {"baseUrl": "https://lcm.example.com/a:1/b"},
            },
            [5671, 5699],
            [7000, 7001, 6379],
            [443],
        ),
        (
            {
                "redis": {"url": "redis+sentinel://:p@a,b:26380/lcm/0"},
                "lcm": {"baseUrl": "http://[2001:db8::1]:8090/x"},
            },
            [5672],
            [26379, 26380, 6379],
            [8090],
        ),
        (
            {"rabbitmq": {"existingSecret": "a"}, "redis": {"existingSecret": "b"}},
            [5672, 5671],
            [6379, 26379],
            [80],
        ),
        (
            {"networkPolicy": {"rabbitmq": {"ports": [1]}, "redis": {"ports": [2]}, "lcm": {"ports": [3]}}},
            [1],
            [2],
            [3],
        ),
    ],
)
def test_network_policy(
    engine: Helm, values: dict[str, Any], rabbitmq: list[int], redis: list[int], lcm: list[int]
) -> None:
    """Workers reach DNS and the ports of the configured URLs, and nothing else."""
    policy = engine.render(values).one("NetworkPolicy")

    assert ["Ingress", "Egress"] == policy["spec"]["policyTypes"]
    assert [[53, 53], rabbitmq, redis, lcm] == ports(policy)


def test_network_policy_for_traces(engine: Helm) -> None:
    """Where traces are exported, workers reach the collector's port too."""
    config = {"tracing": {"endpoint": "http://collector.observability:4318"}}
    policy = engine.render({"config": config}).one("NetworkPolicy")

    assert [[53, 53], [5672], [6379], [80], [4318]] == ports(policy)


def test_pods_are_restricted(chart: Rendered) -> None:
    """Every pod keeps to the Pod Security Standard "restricted", has a read-only root, and no token."""
    assert chart.pods
    for pod in chart.pods:
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert {"type": "RuntimeDefault"} == spec["securityContext"]["seccompProfile"]
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        assert {"configMap", "projected", "secret"} >= {
            kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"
        }
        for container in spec["containers"]:
            assert {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            } == container["securityContext"]
            assert not [port for port in container.get("ports", []) if "hostPort" in port]
            assert container["resources"]["limits"]["memory"]


def test_every_pod_runs_where_the_workers_may(engine: Helm) -> None:
    """Simulator and `helm test` take the nodes that the workers take, which the image can run on."""
    where = {"nodeSelector": {"kubernetes.io/arch": "amd64"}, "tolerations": [{"operator": "Exists"}]}
    chart = engine.render({"simulator": {"enabled": True}} | where)

    assert [where] * 3 == [{name: pod["spec"][name] for name in where} for pod in chart.pods]


def test_large_numbers_are_written_out(engine: Helm) -> None:
    """Whole numbers do not become powers of ten, which Kubernetes and KEDA may not take."""
    values = {
        "podSecurityContext": {"runAsUser": 1_000_680_000},
        "autoscaling": {"mode": "keda", "agentQueueLength": 1_000_000},
    }
    chart = engine.render(values)

    assert 1_000_680_000 == chart.worker["spec"]["securityContext"]["runAsUser"]
    assert "1000000" == chart.one("ScaledObject")["spec"]["triggers"][0]["metadata"]["value"]


def test_rules_and_dashboard_are_those_of_the_files(rendered: dict[str, Rendered]) -> None:
    """Helm changes nothing in the alert rules and in the dashboard, whose texts have braces of their own."""
    chart = rendered["production"]
    rules = yaml.safe_load((CHART / "rules" / "lcm-bridge.yaml").read_text(encoding="utf-8"))
    dashboard = json.loads((CHART / "dashboards" / "lcm-bridge.json").read_text(encoding="utf-8"))

    assert rules == chart.one("PrometheusRule")["spec"]
    assert dashboard == json.loads(chart.one("ConfigMap", "lcm-bridge-dashboard")["data"]["lcm-bridge.json"])


def test_the_request_of_helm_test_changes_nothing(rendered: dict[str, Rendered]) -> None:
    """What `helm test` sends is a request that the worker knows, with no side effect in LCM."""
    body = rendered["default"].one("ConfigMap", "lcm-bridge-test")["data"]["request.json"]
    envelope = parse(body.encode(), Limits())
    command = Catalogue(Rules()).find(envelope)[0].translate(envelope)

    assert command.call is not None
    assert not command.side_effect


def test_extra_objects_are_templates(rendered: dict[str, Rendered]) -> None:
    """Further objects, as maps or as texts, know the release."""
    names = {one["metadata"]["name"] for one in rendered["production"].all("ConfigMap")}

    assert {"lcm-bridge-more", "lcm-bridge-text"} <= names


def test_a_subchart_may_be_given_global_values(engine: Helm) -> None:
    """Helm hands `global` to every chart that is part of another: it is no unknown value."""
    assert engine.render({"global": {"anything": True}}).resources


def test_the_notes_tell_the_next_step(rendered: dict[str, Rendered]) -> None:
    """After an installation, the commands that show whether it works are told, and what is for trials."""
    default, production, trial = (rendered[name].notes for name in ("default", "production", "trial"))

    assert "helm test lcm-bridge --namespace contact-centre" in default
    assert "deployment/lcm-bridge -- lcm-bridge check" in default
    assert "the password that everybody knows" in default
    assert "the simulator" in trial
    assert "site-a.requests.agent" in production
    assert "NOTE" not in production
