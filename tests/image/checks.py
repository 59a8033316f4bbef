"""What holds for the built image: `make image image-test`. No part of `make test`, which needs no engine."""

import ast
import json
from pathlib import Path

import pytest
from image.engine import Container, Engine
from support.envelopes import manual

from bridge import __version__
from bridge.demo.ports import free_port

PROCESS = """
import os
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
writable = []
for place in ("/", "/tmp", "/run", "/var/tmp", "/opt/lcm-bridge", "/etc/lcm-bridge"):
    try:
        with open(f"{place}/probe", "w"):
            writable.append(place)
    except OSError:
        pass
names = ("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs")
print({"writable": writable} | {name: status[name].split() for name in names})
"""
BYTECODE = """
import importlib, os, pkgutil, sys
import bridge
for one in pkgutil.walk_packages(bridge.__path__, "bridge."):
    if one.name != "bridge.testing":
        importlib.import_module(one.name)
cached = [module.__cached__ for module in sys.modules.values() if getattr(module, "__cached__", None)]
print(len(cached), [path for path in cached if not os.path.exists(path)])
"""
INSTALLED = """
from importlib.metadata import distributions
print({one.name: one.version for one in distributions()})
"""
TOOLS = """
from importlib.util import find_spec
print([name for name in ("pip", "uv", "hatchling", "cyclonedx_py", "setuptools") if find_spec(name)])
"""
SBOM = "/usr/share/doc/lcm-bridge/sbom.cdx.json"


async def test_requests_are_served(worker: Container) -> None:
    """With a read-only root, without capabilities and with 256 MB, a request gets its reply."""
    asked = json.dumps(manual("testagent@domain.com")).encode()
    ended = await worker.do("python", "-m", "bridge", "request", "-", given=asked)

    assert 0 == ended.code, ended.output + ended.errors + await worker.logs()
    assert "DownloadContactsForDialing" == json.loads(ended.output)["subtopic"]


async def test_everything_can_be_checked_from_within(worker: Container) -> None:
    """The other commands are there too: check finds RabbitMQ, Redis and LCM."""
    ended = await worker.do("lcm-bridge", "check")

    assert 0 == ended.code, ended.output + ended.errors


async def test_the_process_may_do_nothing_that_it_does_not_need(worker: Container) -> None:
    """Process 1 is the program itself, not root, without capabilities, and finds no place to write to."""
    ended = await worker.do("python", "-c", PROCESS)
    command = await worker.do("python", "-c", "print(open('/proc/1/cmdline').read().split(chr(0)))")

    assert {
        "writable": [],
        "Uid": ["10001"] * 4,
        "Gid": ["10001"] * 4,
        "CapEff": ["0" * 16],
        "CapBnd": ["0" * 16],
        "NoNewPrivs": ["1"],
    } == ast.literal_eval(ended.output)
    assert ["python", "-m", "bridge", "run", ""] == ast.literal_eval(command.output)


async def test_the_image_knows_whether_it_is_healthy(engine: Engine, worker: Container) -> None:
    """Its HEALTHCHECK is the program's own, and finds the worker alive."""
    image = await engine.inspected()
    check = (image["Config"].get("Healthcheck") or image["Healthcheck"])["Test"]  # docker, podman
    ended = await worker.do(*check[1:])

    assert ["CMD", "python", "-m", "bridge", "healthcheck"] == check
    assert 0 == ended.code, ended.output + ended.errors


async def test_a_worker_that_does_not_answer_is_unhealthy(engine: Engine) -> None:
    """Where nothing listens, the same check fails: here the settings name another port than the worker's."""
    ended = await engine.once("healthcheck", settings={"BRIDGE_ADMIN__PORT": str(free_port())})

    assert 1 == ended.code, ended.output + ended.errors


async def test_sigterm_ends_it_in_order(engine: Engine, settings: dict[str, str]) -> None:
    """SIGTERM reaches the worker as process 1: it drains and exits 0."""
    async with engine.running(settings=settings | {"BRIDGE_ADMIN__PORT": str(free_port())}) as container:
        await container.until_done("python", "-m", "bridge", "healthcheck", "--ready")
        code = await container.terminate()

        assert (0, True) == (code, '"worker.drained"' in await container.logs())


async def test_wrong_settings_are_told_at_once(engine: Engine) -> None:
    """Exit code 2, and each fault named."""
    wrong = {"BRIDGE_AMQP__URL": "http://not-amqp", "BRIDGE_LCM__TIMEOUT": "60"}
    ended = await engine.once(settings=wrong)

    assert 2 == ended.code
    for word in ("the settings cannot be right", "amqp.url", "lcm.timeout"):
        assert word in ended.errors
    assert "Traceback" not in ended.errors


async def test_settings_come_from_mounted_files(engine: Engine, tmp_path: Path) -> None:
    """The file of the image can be mounted over, and a folder of secrets beside it."""
    file = tmp_path / "bridge.toml"
    file.write_text("[lcm]\ntimeout = 7\n", encoding="utf-8")
    file.chmod(0o644)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "BRIDGE_LCM__PASSWORD").write_text("pa55w0rd", encoding="utf-8")
    (secrets / "BRIDGE_LCM__PASSWORD").chmod(0o644)
    secrets.chmod(0o755)
    ended = await engine.once(
        "config",
        settings={"BRIDGE_SECRETS_DIR": "/run/secrets/lcm-bridge", "COLUMNS": "200"},
        mounts={file: "/etc/lcm-bridge/bridge.toml", secrets: "/run/secrets/lcm-bridge"},
    )
    rows = {words[0]: words[1:] for line in ended.output.splitlines() if (words := line.split())}

    assert ["7.0", "/etc/lcm-bridge/bridge.toml"] == rows["lcm.timeout"], ended.output + ended.errors
    assert "***" == rows["lcm.password"][0]
    assert "/run/secrets/lcm-bridge" == rows["lcm.password"][-1]


async def test_nothing_is_compiled_at_the_start(engine: Engine) -> None:
    """Every module that any command needs has its bytecode in the image, the standard library's too."""
    ended = await engine.once("-c", BYTECODE, entrypoint="python")

    assert ended.output.endswith(" []\n"), ended.output + ended.errors


@pytest.mark.parametrize("python", ["/usr/local/bin/python", "/opt/lcm-bridge/bin/python"])
async def test_nothing_that_builds_is_left(engine: Engine, python: str) -> None:
    """What the image was built with is not in it, nor what could install more."""
    ended = await engine.once("-c", TOOLS, entrypoint=python)

    assert "[]\n" == ended.output, ended.output + ended.errors


async def test_the_sbom_names_what_is_installed(engine: Engine) -> None:
    """The SBOM in the image lists every package with the version that is there, and no other."""
    written = await engine.once("-c", f"print(open({SBOM!r}).read())", entrypoint="python")
    found = await engine.once("-c", INSTALLED, entrypoint="python")
    sbom = json.loads(written.output)
    listed = {one["name"]: one["version"] for one in (sbom["metadata"]["component"], *sbom["components"])}

    assert "CycloneDX" == sbom["bomFormat"]
    assert ast.literal_eval(found.output) == listed
    assert __version__ == listed["lcm-bridge"]


async def test_labels_tell_what_it_is(engine: Engine) -> None:
    """The labels of the OCI image specification are set, with version and revision of this build."""
    labels = (await engine.inspected())["Config"]["Labels"]
    prefix = "org.opencontainers.image."

    assert __version__ == labels[f"{prefix}version"]
    for name in ("title", "description", "licenses", "source", "revision", "created", "base.name"):
        assert labels[f"{prefix}{name}"] not in ("", "unknown"), name
