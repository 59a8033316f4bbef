"""What the chart makes of settings and secrets, seen with the worker's own eyes. `make chart` runs it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from chart.helm import ROOT, Helm, Rendered
from pydantic import BaseModel

from bridge.configuration import Loaded, load
from bridge.settings import Settings

MARKED = ("geheim-1", "geheim-2", "geheim-3", "geheim-4")
"""Passwords in tests/chart/values/values-in-secret.yaml."""

ELSEWHERE = {
    "amqp": {"url", "password"},
    "redis": {"url", "password", "sentinel_password"},
    "lcm": {"base_url", "username", "password", "bearer_token", "headers"},
}
"""Settings that `config` must not hold: the chart has a value for them, or a Secret holds them."""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read what was rendered as a worker does in its pod."""

    def loaded(chart: Rendered) -> Loaded:
        folder = tmp_path / "secrets"
        folder.mkdir()
        for name, value in chart.secrets.items():
            (folder / name).write_text(value, encoding="utf-8")
        file = tmp_path / "bridge.toml"
        file.write_text(chart.one("ConfigMap", "lcm-bridge")["data"]["bridge.toml"], encoding="utf-8")
        monkeypatch.setenv("BRIDGE_CONFIG", str(file))
        monkeypatch.setenv("BRIDGE_SECRETS_DIR", str(folder))
        return load()

    return loaded


def defaults() -> dict[str, dict[str, Any]]:
    """Return every setting that `config` may hold, with its default."""
    return {
        group: value.model_dump(exclude=ELSEWHERE.get(group, set()))
        for group, value in Settings()
        if isinstance(value, BaseModel)
    }


def test_the_default_values_name_the_usual_services(rendered: dict[str, Rendered], read: Any) -> None:
    """Without any values, the worker looks for services named rabbitmq, redis and lcm."""
    settings = read(rendered["default"]).settings

    assert "amqp://guest:guest@rabbitmq:5672/" == settings.amqp.url.get_secret_value()
    assert "redis://redis:6379/0" == settings.redis.url.get_secret_value()
    assert "http://lcm/lcmwebservice/contracts/lcmwcfservice.svc" == settings.lcm.base_url


def test_the_values_for_production_that_are_documented(engine: Helm, read: Any) -> None:
    """The example in docs/deploy.md renders, to settings that can be right, without a Secret of the chart."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    example = text.partition("For production, in one file of values:")[2].partition("\n|")[0]
    values = yaml.safe_load(example.replace("sha256:...", f"sha256:{64 * '0'}"))
    chart = engine.render(values)
    settings = read(chart).settings

    assert ("site-a", "Europe/Berlin") == (settings.amqp.prefix, settings.lcm.timezone)
    assert {"PodMonitor", "PrometheusRule"} <= {one["kind"] for one in chart.resources}
    assert not chart.all("Secret")


def test_every_setting_can_be_set(engine: Helm, read: Any) -> None:
    """Each setting of the worker is taken in `config`, and comes from there."""
    config = defaults()
    loaded = read(engine.render({"config": config}))

    assert {f"{group}.{name}" for group, names in config.items() for name in names} <= {
        name for name, source in loaded.sources.items() if source.endswith("bridge.toml")
    }
    assert config == {
        group: dict(value.model_dump(exclude=ELSEWHERE.get(group, set())))
        for group, value in loaded.settings
        if isinstance(value, BaseModel)
    }


def test_values_arrive_as_they_are_written(engine: Helm, read: Any) -> None:
    """Quotes, backslashes, line breaks, other alphabets, small, large and whole numbers, and maps survive."""
    strange = ['a"b', "c\\d", "e\nf", "<é&☃>", "'", "#", "{{ .Values }}", "\t"]
    config = {
        "replies": {"allowed_reply_to": strange},
        "access": {"CreateContact": ["one", 'two"'], "GetReservedContactOD": []},
        "lcm": {"methods": {"CreateContact": "Add_Contact"}, "concurrency": 100_000_000},
        "ledger": {"retention": 31_000_000, "unknown_retention": 31_000_000.5},
        "redis": {"timeout": 0.000_000_25},
    }
    settings = read(engine.render({"config": config})).settings

    assert strange == settings.replies.allowed_reply_to
    assert config["access"] == settings.access
    assert config["lcm"] == {"methods": settings.lcm.methods, "concurrency": settings.lcm.concurrency}
    assert (31_000_000, 31_000_000.5) == (settings.ledger.retention, settings.ledger.unknown_retention)
    assert 0.000_000_25 == settings.redis.timeout


def test_operations_arrive_as_they_are_written(
    rendered: dict[str, Rendered], read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's own example as a value: a file in the directory that the settings name, for each pod."""
    chart = rendered["trial"]
    files = chart.one("ConfigMap", "lcm-bridge-operations")["data"]
    folder = tmp_path / "operations"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("BRIDGE_OPERATIONS__DIRECTORY", str(folder))  # in place of the mount
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    loaded = read(chart)

    assert "GetCampaignGroups" in {one.name for one in loaded.catalogue.operations}
    assert [True] == [text in page for text in files.values()]
    mounted = "/etc/lcm-bridge-operations"
    assert f'directory = "{mounted}"' in chart.one("ConfigMap", "lcm-bridge")["data"]["bridge.toml"]
    containers = {one["name"]: one for pod in chart.pods for one in pod["spec"]["containers"]}
    assert {"bridge", "simulator", "request"} == set(containers)
    for container in containers.values():
        assert mounted in {one["mountPath"] for one in container["volumeMounts"]}
    assert f"--operations={mounted}" in containers["simulator"]["args"]


def test_secrets_as_values(rendered: dict[str, Rendered], engine: Helm, read: Any) -> None:
    """Log-ins that are given as values arrive, by files of a Secret."""
    values = {
        "rabbitmq": {"url": "amqp://a:b@one/,amqp://a:b@two/"},
        "lcm": {"username": "bridge", "password": 'p"w', "headers": {"X-Api-Key": "k"}},
    }
    settings = read(engine.render(values)).settings

    assert "amqp://a:b@one/,amqp://a:b@two/" == settings.amqp.url.get_secret_value()
    assert ("bridge", 'p"w') == (settings.lcm.username, settings.lcm.password.get_secret_value())
    assert {"X-Api-Key": "k"} == {
        name: value.get_secret_value() for name, value in settings.lcm.headers.items()
    }
    assert all(mark in str(rendered["values-in-secret"].secrets) for mark in MARKED)


def test_secrets_are_in_secrets_only(rendered: dict[str, Rendered]) -> None:
    """No password shows in anything but a Secret, in the notes neither."""
    chart = rendered["values-in-secret"]
    others = [one for one in chart.resources if one["kind"] != "Secret"]

    assert [] == [mark for mark in MARKED if mark in str(others) + chart.notes]


def test_existing_secrets_are_preferred(rendered: dict[str, Rendered]) -> None:
    """Where other Secrets hold everything, the chart makes none, and mounts theirs."""
    chart = rendered["production"]
    [volume] = [one for one in chart.worker["spec"]["volumes"] if one["name"] == "secrets"]
    sources = [one["secret"] for one in volume["projected"]["sources"]]

    assert [] == chart.all("Secret")
    assert [
        ("rabbitmq-user", [{"key": "connection_string", "path": "BRIDGE_AMQP__URL"}]),
        ("redis-user", [{"key": "url", "path": "BRIDGE_REDIS__URL"}]),
        ("lcm-login", None),
        ("further-settings", None),
    ] == [(one["name"], one.get("items")) for one in sources]


def test_secrets_are_files(chart: Rendered) -> None:
    """No container gets a secret as a variable."""
    containers = [container for pod in chart.pods for container in pod["spec"]["containers"]]

    assert [] == [
        one["name"] for one in containers if "envFrom" in one or "secretKeyRef" in str(one.get("env"))
    ]


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({"config": {"log": {"level": "DEBUG"}}}, {"checksum/config"}),
        ({"lcm": {"baseUrl": "http://other/"}}, {"checksum/config"}),
        ({"redis": {"url": "redis://other/0"}}, {"checksum/secret"}),
        ({"operations": {"one.toml": "name = 1"}}, {"checksum/config", "checksum/operations"}),
        ({"replicaCount": 5, "test": {"timeout": 5}}, set()),
    ],
)
def test_checksums(engine: Helm, values: dict[str, Any], changed: set[str]) -> None:
    """Other settings or secrets make other pods, and nothing else does."""
    before = engine.render().worker["metadata"]["annotations"]
    after = engine.render(values).worker["metadata"]["annotations"]

    assert changed == {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(("config", "seconds"), [({}, 35), ({"grace": 21}, 31), ({"grace": 40.5}, 51)])
def test_the_pod_gets_the_time_that_the_worker_needs(
    engine: Helm, config: dict[str, float], seconds: int
) -> None:
    """A pod has 10 s more than `shutdown.grace` to end."""
    chart = engine.render({"config": {"shutdown": config}})

    assert seconds == chart.worker["spec"]["terminationGracePeriodSeconds"]


def test_the_chart_knows_the_defaults(engine: Helm) -> None:
    """What the chart derives of settings that are not set is derived of the worker's own defaults."""
    values = {"autoscaling": {"mode": "keda"}, "serviceMonitor": {"enabled": True}}
    unset, spelt = engine.render(values), engine.render(values | {"config": defaults()})

    def derived(chart: Rendered) -> list[str]:
        texts = [text for name, text in sorted(chart.files.items()) if name != "templates/configmap.yaml"]
        return [line for text in texts for line in text.splitlines() if "checksum/config" not in line]

    assert derived(unset) == derived(spelt)
