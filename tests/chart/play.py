"""The rendered Deployment, run by `podman play kube`: `make chart-run`.

No part of `make test`, which needs no engine. It needs podman and the image (`make image ENGINE=podman`).
RabbitMQ, Redis and LCM (the simulator) run in containers that have the names which the default values look
for.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import yaml
from chart.conftest import VALUES
from chart.helm import ROOT, Helm, Rendered
from chart.podman import for_podman, inspected, playing, podman, succeeds, until
from support.site import name_of_letters

from bridge import __version__

IMAGES = {
    name: service["image"]
    for name, service in yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
        "services"
    ].items()
    if name in {"rabbitmq", "redis"}
}
ASK = "import sys, urllib.request as get; get.urlopen(sys.argv[1], timeout=3).close()"
READY = ("python", "-m", "bridge", "healthcheck", "--ready")


@dataclass(frozen=True, slots=True)
class Site:
    """A network with RabbitMQ and Redis in it, and the chart as rendered for it."""

    network: str
    chart: Rendered


@pytest.fixture(scope="session")
def image() -> tuple[str, str]:
    """Return repository and tag of the image under test."""
    assert shutil.which("podman"), "podman is not installed"
    name = os.environ.get("IMAGE") or f"lcm-bridge:{__version__}"
    assert succeeds("image", "exists", name), f"there is no image {name}: make image ENGINE=podman"
    repository, _, tag = name.rpartition(":")
    return repository, tag


@pytest.fixture(scope="session")
def network(image: tuple[str, str]) -> Iterator[str]:
    """Run RabbitMQ, Redis and LCM under the names of the default values, in a network of their own."""
    name = f"chart-{name_of_letters()}"
    # LCM's usual port is a low one, and the simulator is not root.
    lcm = ("--sysctl=net.ipv4.ip_unprivileged_port_start=0", ":".join(image), "simulator", "--host=0.0.0.0")
    started = []
    podman("network", "create", name)
    try:
        for service, arguments in (
            ("rabbitmq", (IMAGES["rabbitmq"],)),
            ("redis", (IMAGES["redis"], "redis-server", "--protected-mode", "no")),
            ("lcm", (*lcm, "--port=80")),
        ):
            container = f"{name}-{service}"
            options = (f"--name={container}", f"--network={name}", f"--network-alias={service}")
            podman("run", "--detach", *options, *arguments, bound=900)  # the image may have to come first
            started.append(container)
        yield name
    finally:
        podman("rm", "--force", "--volumes", *started)
        podman("network", "rm", name)


@pytest.fixture(scope="session", params=["default", "trial"])
def site(request: pytest.FixtureRequest, engine: Helm, image: tuple[str, str], network: str) -> Site:
    """Render the chart for the network: with its default values, and with its own simulator."""
    repository, tag = image
    values = VALUES[request.param] | {"image": {"repository": repository, "tag": tag}}
    return Site(network, engine.render(values, name=name_of_letters()))


@pytest.fixture(scope="session")
def workers(site: Site) -> Iterator[list[str]]:
    """Run the simulator if the chart has one, and the workers, until they are ready."""
    with ExitStack() as stack:
        for service in site.chart.all("Service"):  # podman knows none, but other names in a network
            network = f"{site.network}:alias={service['metadata']['name']}"
            stack.enter_context(playing(for_podman(site.chart, "Deployment", "simulator"), network))
        resources = for_podman(site.chart, "Deployment", "worker")
        containers = stack.enter_context(playing(resources, site.network))
        for one in containers:
            until("a worker does not get ready", "exec", one, *READY)
        yield containers


def test_as_many_workers_as_wanted(site: Site, workers: list[str]) -> None:
    """Every replica is ready."""
    assert site.chart.deployment["spec"]["replicas"] == len(workers)


def test_helm_test_gets_its_reply(site: Site, workers: list[str]) -> None:
    """The pod of `helm test` sends its request, and a worker answers it."""
    with playing(for_podman(site.chart, "Pod", "test"), site.network) as [container]:
        code = podman("wait", container)
        log = podman("logs", container)

    assert ("0", True) == (code, "DownloadContactsForDialing" in log), log + podman("logs", workers[0])


def test_the_worker_finds_everything(workers: list[str]) -> None:
    """RabbitMQ, Redis and LCM are where what the chart mounts says: `lcm-bridge check`."""
    for one in workers:
        podman("exec", one, "lcm-bridge", "check")


def test_the_probes_are_answered(site: Site, workers: list[str]) -> None:
    """Where the manifest says that the kubelet asks, a worker that is ready says yes."""
    [container] = site.chart.worker["spec"]["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    for name in ("startup", "liveness", "readiness"):
        probe = container[f"{name}Probe"]["httpGet"]
        url = f"http://127.0.0.1:{ports[probe['port']]}{probe['path']}"
        podman("exec", workers[0], "python", "-c", ASK, url)


def test_the_settings_come_from_the_chart(workers: list[str]) -> None:
    """The URLs of RabbitMQ and Redis come from the files of the Secret, that of LCM from the config map."""
    table = podman("exec", "--env=COLUMNS=300", workers[0], "lcm-bridge", "config").splitlines()
    sources = {line.split()[0]: line for line in table if line.strip()}

    assert "/run/secrets/lcm-bridge" in sources["amqp.url"]
    assert "/run/secrets/lcm-bridge" in sources["redis.url"]
    assert "/etc/lcm-bridge/bridge.toml" in sources["lcm.base_url"]


def test_what_the_pod_may_not_do_holds(workers: list[str]) -> None:
    """User, read-only root, capabilities and memory are as the manifest says."""
    for one in workers:
        told = inspected(one)
        assert "10001:10001" == told["Config"]["User"]
        assert told["HostConfig"]["ReadonlyRootfs"]
        assert 256 * 1024 * 1024 == told["HostConfig"]["Memory"]
        assert [] == (told["EffectiveCaps"] or [])


def test_the_worker_ends_in_time(site: Site, workers: list[str]) -> None:
    """SIGTERM drains it: exit code 0, within the time that the pod gets."""
    seconds = site.chart.worker["spec"]["terminationGracePeriodSeconds"]
    podman("stop", f"--time={seconds}", workers[-1])  # SIGTERM, and SIGKILL after that time

    assert 0 == inspected(workers[-1])["State"]["ExitCode"]
