"""Podman, which runs pods by Kubernetes' manifests, and what it cannot read of them."""

import base64
import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import yaml
from chart.helm import Rendered, Resource

POLL = 0.2


def podman(*arguments: str, given: str = "", bound: float = 90.0) -> str:
    """Run one command and return what it printed. Raises AssertionError with what podman says."""
    ended = _run(arguments, given, bound)
    assert 0 == ended.returncode, f"podman {' '.join(arguments)}: {ended.stdout}{ended.stderr}"
    return ended.stdout.strip()


def succeeds(*arguments: str) -> bool:
    """Tell whether a command of podman succeeds."""
    return 0 == _run(arguments, "", 30.0).returncode


def until(otherwise: str, *arguments: str, bound: float = 90.0) -> None:
    """Wait until a command of podman succeeds. Raises AssertionError after so many seconds."""
    end = time.monotonic() + bound
    while not succeeds(*arguments):
        assert time.monotonic() < end, otherwise
        time.sleep(POLL)


def _run(arguments: Sequence[str], given: str, bound: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the tests' own
        ["podman", *arguments],  # noqa: S607 - the one that the caller's PATH finds
        input=given,
        capture_output=True,
        text=True,
        timeout=bound,
        check=False,
    )


def for_podman(chart: Rendered, kind: str, component: str) -> list[Resource]:
    """Return what podman needs to run one component: its Deployment or Pod, and the config maps it mounts.

    Podman (4.3) has no volumes of Secrets, projected ones neither: their content is handed to it as a config
    map. It opens every port of a container on the host, where two replicas would want the same one: they are
    left out, and the probes with them, which it makes a `curl` in the container of. What is about nodes,
    other pods and service accounts, it passes over.
    """
    [pod] = [
        one
        for one in chart.all(kind)
        if one["metadata"]["labels"].get("app.kubernetes.io/component") == component
    ]
    maps = {one["metadata"]["name"]: one for one in chart.all("ConfigMap")}
    needed: list[Resource] = []
    spec = pod["spec"]["template"]["spec"] if kind == "Deployment" else pod["spec"]
    for volume in spec.get("volumes", []):
        if "projected" in volume:
            names = {source["secret"]["name"] for source in volume.pop("projected")["sources"]}
            [secret] = [one for one in chart.all("Secret") if one["metadata"]["name"] in names]
            assert {secret["metadata"]["name"]} == names
            name = f"{secret['metadata']['name']}-secrets"
            data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
            maps[name] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
            volume["configMap"] = {"name": name}
        needed.append(maps[volume["configMap"]["name"]])
    for container in spec["containers"]:
        for name in ("ports", "startupProbe", "livenessProbe", "readinessProbe"):
            container.pop(name, None)
    return [*needed, pod]


@contextmanager
def playing(resources: list[Resource], network: str) -> Iterator[list[str]]:
    """Run resources with `podman play kube` for the length of a block; give the ids of the containers."""
    text = yaml.safe_dump_all(resources)
    try:
        told = podman("play", "kube", f"--network={network}", "-", given=text)
        yield re.findall(r"(?m)(?<=^Container:\n)[0-9a-f]{64}$", told)
    finally:
        podman("play", "kube", "--down", "-", given=text)
        for one in resources:
            if one["kind"] == "ConfigMap":
                # Refused for one that another pod still has mounted, which removes it in the end.
                succeeds("volume", "rm", one["metadata"]["name"])


def inspected(container: str) -> dict[str, Any]:
    """Return what podman tells of a container."""
    [told] = json.loads(podman("container", "inspect", container))
    return dict(told)
