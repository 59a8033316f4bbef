"""The container image and compose.yaml, as far as that can be seen without a container engine.

``make image image-test`` builds the image and runs it.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.configuration import load

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
    "services"
]


def versions(lock: str) -> dict[str, str]:
    """Return what a lock file pins."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^ \\;\n]+)", text))


def test_the_image_runs_what_is_tested() -> None:
    """Every package of the image is locked in the version that the tests run with."""
    image, tested = versions("requirements-otel.lock"), versions("requirements-dev.lock")

    assert image == {name: tested.get(name) for name in image}
    assert versions("requirements.lock").items() < image.items()


@pytest.mark.parametrize("lock", ["requirements-otel.lock", "requirements-image.lock"])
def test_the_image_is_built_of_what_is_hashed(lock: str) -> None:
    """A lock file of the image names what each package must hash to."""
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert versions(lock)
    assert [] == re.findall(r"(?m)^[a-z0-9._-]+==[^\n\\]*(?!\\)$", text)


def test_the_image_has_a_python_that_is_supported() -> None:
    """The base image's Python is one that the package names."""
    [minor] = re.findall(r"(?m)^ARG PYTHON=(3\.\d+)-", DOCKERFILE)

    assert f"Programming Language :: Python :: {minor}" in PYPROJECT["project"]["classifiers"]


TRACES = ["bridge.tracing.environment", "bridge.tracing.export", "bridge.tracing.otel"]


@pytest.mark.parametrize(("lacking", "left_out"), [(["pytest"], []), (["pytest", "opentelemetry"], TRACES)])
def test_the_image_imports_all_that_it_runs(lacking: list[str], left_out: list[str]) -> None:
    """At its build, for the bytecode: all of the bridge but what needs packages that it does not have."""
    [command] = re.findall(r'(?m)^RUN (\["python", "-c", .*\])$', DOCKERFILE)
    program = f"""
import sys
sys.modules.update(dict.fromkeys({lacking}))
{json.loads(command)[2]}
print([one.name for one in pkgutil.walk_packages(bridge.__path__, "bridge.") if one.name not in sys.modules])
"""
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == ended.returncode, ended.stderr
    assert ["bridge.testing", *left_out] == ast.literal_eval(ended.stdout)


def test_compose_mounts_what_is_there() -> None:
    """An engine makes an empty folder of a path that is not there, and says nothing."""
    sources = [
        mount.split(":")[0]
        for service in SERVICES.values()
        for mount in service.get("volumes", [])
        if mount.startswith(".")
    ]

    assert len(sources) > 1
    assert [] == [path for path in sources if not (ROOT / path).exists()]
    assert [] == [path for path in sources if (ROOT / path).is_dir() and not list((ROOT / path).iterdir())]


def test_compose_sets_the_bridge_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is settings that can be right."""
    for name, value in SERVICES["bridge"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value))

    assert (
        "amqp://lcm-bridge:known-to-everybody@rabbitmq:5672/" == load().settings.amqp.url.get_secret_value()
    )


def test_compose_opens_ports_for_this_machine_alone() -> None:
    """With passwords that everybody knows, nothing may listen on another address than the loopback."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]
