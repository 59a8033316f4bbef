"""The commands beside the worker: what they print and how they end."""

import json
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis
from support.command import run_command, run_program
from support.envelopes import add_contact, manual, od
from support.site import MakeSite, Site, name_of_letters

from bridge import __version__
from bridge.demo.servers import PrivateRedis

SECRETS = {
    "BRIDGE_AMQP__URL": "amqp://widget:pa55w0rd@broker.example:5672/,amqp://widget:pa55w0rd@two.example/",
    "BRIDGE_REDIS__URL": "redis://:r3d1s-pass@redis.example:6379/0",
    "BRIDGE_LCM__USERNAME": "svc",
    "BRIDGE_LCM__PASSWORD": "l0m-pass",
    "BRIDGE_LCM__HEADERS": '{"X-Api-Key": "k3y-of-lcm"}',
}
WRONG = {
    "BRIDGE_AMQP__URL": "http://not-amqp",
    "BRIDGE_AMQP__AGENT_PREFETCH": "-1",
    "BRIDGE_LCM__TIMEOUT": "60",
    "BRIDGE_LCM__TIMEZONE": "Mars/Olympus",
    "BRIDGE_LOG__LEVEL": "LOUD",
    "BRIDGE_NOSUCH__THING": "1",
    "BRIDGE_ADMIN__NOSUCH": "1",
    "BRIDGE_ACCESS": '{"NoSuchOperation": []}',
}
NOWHERE = {
    "BRIDGE_AMQP__URL": "amqp://guest:guest@127.0.0.1:1/",
    "BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0",
    "BRIDGE_LCM__BASE_URL": "http://127.0.0.1:1/lcm",
    "BRIDGE_ADMIN__HOST": "127.0.0.1",
    "BRIDGE_ADMIN__PORT": "1",
}


async def test_config_masks_secrets(tmp_path: Path) -> None:
    """Every setting is printed with its source, passwords and header values masked."""
    ended = await run_command("config", folder=tmp_path, settings=SECRETS)

    assert 0 == ended.code
    rows = {line.split()[0]: line for line in ended.output.splitlines() if line.strip()}
    assert "broker.example" in rows["amqp.url"]
    assert "environment" in rows["amqp.url"]
    assert "default" in rows["amqp.prefix"]
    assert "X-Api-Key" in rows["lcm.headers"]
    shown = ended.output + ended.errors
    secrets = ("pa55w0rd", "r3d1s-pass", "l0m-pass", "k3y-of-lcm")
    assert [] == [secret for secret in secrets if secret in shown]


async def test_config_tells_the_source(tmp_path: Path) -> None:
    """The environment wins over the secrets directory, and that over the file; each is named."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "BRIDGE_LCM__PASSWORD").write_text("from-a-file")
    (tmp_path / "secrets" / "BRIDGE_AMQP__PREFIX").write_text("second")
    (tmp_path / "bridge.toml").write_text(
        '[amqp]\nprefix = "third"\nmax_length = 77\n[lcm]\nusername = "u"\n[redis]\nprefix = "third"\n'
    )
    settings = {
        "BRIDGE_CONFIG": "bridge.toml",
        "BRIDGE_SECRETS_DIR": "secrets",
        "BRIDGE_REDIS__PREFIX": "first",
    }

    ended = await run_command("config", folder=tmp_path, settings=settings)

    assert 0 == ended.code, ended.errors
    rows = {line.split()[0]: line.split()[1:] for line in ended.output.splitlines() if line.strip()}
    assert ["first", "environment"] == rows["redis.prefix"]
    assert "second" == rows["amqp.prefix"][0]
    assert ["77", "bridge.toml"] == rows["amqp.max_length"]
    assert "***" == rows["lcm.password"][0]


@pytest.mark.parametrize(
    "command", [["run"], ["check", "--json"], ["config"], ["request", "-"], ["contacts", "a"]]
)
async def test_wrong_settings_are_listed_at_once(tmp_path: Path, command: list[str]) -> None:
    """Settings that cannot be right: every fault at once on standard error, exit 2."""
    ended = await run_command(*command, folder=tmp_path, settings=WRONG)

    assert 2 == ended.code
    faults = ("amqp.url", "amqp.agent_prefetch", "lcm.timeout", "lcm.timezone", "log.level", "NOSUCH__THING")
    for fault in (*faults, "admin.nosuch", "NoSuchOperation"):
        assert fault in ended.errors, fault
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--nosuch"], ["nosuch"], ["request"], ["contacts"], ["check", "more"], ["completion", "csh"]),
        *(["request", "-", f"--key={value}"] for value in ("", "k" * 256)),
        *(["request", "-", f"--timeout={value}"] for value in ("nan", "inf", "0", "-1", "1e300", "soon")),
    ],
)
async def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Wrong usage is exit 2 with a usage line."""
    ended = await run_command(*arguments, folder=tmp_path)

    assert 2 == ended.code
    assert "usage:" in ended.errors


async def test_version_and_help(tmp_path: Path) -> None:
    """--version names the version, --help every command."""
    script = Path(sys.executable).parent / "lcm-bridge"
    version = await run_program(str(script), "--version", folder=tmp_path)
    overview = await run_program(sys.executable, "-m", "bridge", "--help", folder=tmp_path)

    assert (0, f"lcm-bridge {__version__}\n") == (version.code, version.output)
    assert 0 == overview.code
    for name in (
        "run",
        "check",
        "config",
        "request",
        "contacts",
        "simulator",
        "demo",
        "healthcheck",
        "completion",
    ):
        assert name in overview.output


async def test_contacts_lists_and_erases(site: Site, tmp_path: Path) -> None:
    """What is cached for an agent is listed, each value in full, and with --erase removed and counted."""
    agent = name_of_letters()
    long = f"{'1' * 100}|1|1|0|0|84|0"
    accounts = [
        add_contact(site.simulator, agent),
        add_contact(site.simulator, agent, kind="od", AccountNumber=long),
    ]
    for request in (manual(agent), od(agent)):
        await site.widget.ask(request)

    piped = site.settings | {"COLUMNS": ""}
    listed = await run_command("contacts", agent, folder=tmp_path, settings=piped)
    erased = await run_command("contacts", agent, "--erase", folder=tmp_path, settings=site.settings)
    empty = await run_command("contacts", agent, folder=tmp_path, settings=site.settings)
    again = await run_command("contacts", agent, "--erase", folder=tmp_path, settings=site.settings)
    async with Redis.from_url(site.settings["BRIDGE_REDIS__URL"]) as redis:
        await redis.set(f"{site.prefix}:{{{agent}}}:contacts:od", "somebody else's", ex=60)
    foreign = await run_command("contacts", agent, "--erase", folder=tmp_path, settings=site.settings)
    away = await run_command("contacts", agent, folder=tmp_path, settings=NOWHERE)

    assert [0, 0, 0, 0, 0, 1] == [ended.code for ended in (listed, erased, empty, again, foreign, away)]
    assert all(account in listed.output for account in accounts)
    assert "erased: 2 cached contacts\n" == erased.output
    assert "nothing was kept about this agent\n" == again.output
    assert "erased: no cached contacts, but what else was kept\n" == foreign.output
    assert "no contacts" in empty.output
    assert "Redis does not answer" in away.errors
    assert "miss" == (await site.widget.ask(od(agent))).headers["x-bridge-cache"]


async def test_a_redis_that_asks_for_a_password_is_not_called_away(tmp_path: Path) -> None:
    """Commands that need Redis say that it refuses the log-in."""
    async with PrivateRedis(arguments=("--requirepass", "secret")) as redis:
        settings = NOWHERE | {"BRIDGE_REDIS__URL": redis.url}
        for command in (("contacts", "agent1"), ("pause", "agent"), ("forget", "12345")):
            ended = await run_command(*command, folder=tmp_path, settings=settings)

            assert 1 == ended.code
            assert (
                "Redis does not let the bridge in: it asks for a password; try: lcm-bridge check"
                in ended.errors
            )


async def test_healthcheck(site: Site, tmp_path: Path) -> None:
    """Alive and ready are exit 0; a worker that is not there is exit 1."""
    there = {
        "BRIDGE_ADMIN__HOST": "127.0.0.1",
        "BRIDGE_ADMIN__PORT": site.worker.admin_url.rpartition(":")[2],
    }

    alive = await run_command("healthcheck", folder=tmp_path, settings=there)
    ready = await run_command("healthcheck", "--ready", folder=tmp_path, settings=there)
    nobody = await run_command("healthcheck", folder=tmp_path, settings=NOWHERE)

    assert [0, 0, 1] == [ended.code for ended in (alive, ready, nobody)]
    assert json.loads(ready.output)["ready"]
    assert "127.0.0.1:1" in nobody.errors
    assert "does a worker run here" in nobody.errors


async def test_healthcheck_of_a_worker_that_is_not_ready(make_site: MakeSite, tmp_path: Path) -> None:
    """A worker without a broker is alive, not ready: --ready is exit 1 and names what is missing."""
    site = await make_site(ready=False, BRIDGE_AMQP__URL=NOWHERE["BRIDGE_AMQP__URL"])
    await site.worker.until_logged("amqp.connection_failed")
    there = {
        "BRIDGE_ADMIN__HOST": "127.0.0.1",
        "BRIDGE_ADMIN__PORT": site.worker.admin_url.rpartition(":")[2],
    }

    alive = await run_command("healthcheck", folder=tmp_path, settings=there)
    ready = await run_command("healthcheck", "--ready", folder=tmp_path, settings=there)

    assert [0, 1] == [alive.code, ready.code]
    assert "reply channel" in json.loads(ready.output)["missing"]
