"""``lcm-bridge check`` as a command: its table, its JSON, its exit codes, and that it disturbs nobody."""

import asyncio
import json
from pathlib import Path

import pytest
from support.command import run_command
from support.envelopes import add_contact, create, dial, skip
from support.site import MakeSite, Site, name_of_letters

from bridge import __version__
from bridge.cli.check.command import every
from bridge.cli.check.finding import Finding, beside, ok
from bridge.cli.check.report import as_json, print_table, summary
from bridge.demo.servers import PrivateRabbit

NOWHERE = {
    "BRIDGE_AMQP__URL": "amqp://guest:hunter2@127.0.0.1:1/",
    "BRIDGE_REDIS__URL": "redis://:hunter2@127.0.0.1:1/0",
    "BRIDGE_LCM__BASE_URL": "http://127.0.0.1:1/[/lcm]",
}


async def test_check_of_a_site_that_is_well(site: Site, tmp_path: Path) -> None:
    """A row for each check, a last line that sums up, exit 0."""
    ended = await run_command("check", folder=tmp_path, settings=site.settings)

    assert (0, "") == (ended.code, ended.errors), ended.output
    rows = ended.output.splitlines()
    for start in ("RabbitMQ  node", "RabbitMQ  publish replies", "Redis     ledger", "LCM       answer"):
        assert any(row.startswith(start) and " ok " in row for row in rows), start
    assert "1 consumer" in ended.output
    assert f"{len(rows) - 2} checks: ok" == rows[-1].split(",")[0]


async def test_check_as_json(site: Site, tmp_path: Path) -> None:
    """One document with the members that docs/operating.md names, and every check by its documented name."""
    ended = await run_command("check", "--json", folder=tmp_path, settings=site.settings)

    document = json.loads(ended.output)
    assert {"ok", "version", "checks"} == set(document)
    assert (0, True, __version__) == (ended.code, document["ok"], document["version"])
    needed = {"dependency", "check", "state", "found", "next"}
    for check in document["checks"]:
        assert needed <= set(check) <= needed | {"subject", "milliseconds"}
        assert check["state"] in {"ok", "warning"}
    text = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    for check in document["checks"]:
        assert f"`{check['check']}`" in text, check["check"]


async def test_check_of_a_site_where_nothing_is(tmp_path: Path) -> None:
    """Each dependency fails with what to do, no password is shown, exit 1; the same as JSON."""
    table = await run_command("check", folder=tmp_path, settings=NOWHERE)
    document = await run_command("check", "--json", folder=tmp_path, settings=NOWHERE)

    assert [1, 1] == [table.code, document.code]
    assert 3 == table.output.count("FAILED")
    assert 3 == table.output.count("-> is ")
    last = table.output.splitlines()[-1]
    assert "3 checks: 3 failed (RabbitMQ node, Redis connection, LCM connection)" == last
    told = json.loads(document.output)
    assert [False, 3] == [told["ok"], len(told["checks"])]
    assert "hunter2" not in table.output + table.errors + document.output + document.errors


async def test_check_disturbs_nobody(make_site: MakeSite, rabbit: PrivateRabbit, tmp_path: Path) -> None:
    """On a busy site every request is answered, every effect happens once, and nothing is left."""
    site = await make_site()
    agent = name_of_letters()
    accounts = [add_contact(site.simulator, agent) for _ in range(60)]
    before = await everything_on(rabbit)
    check = asyncio.create_task(run_command("check", folder=tmp_path, settings=site.settings))

    rounds = [
        await asyncio.gather(
            site.widget.ask(skip(agent, account)), site.widget.ask(dial()), site.widget.ask(create())
        )
        for account in accounts
    ]
    ended = await check

    assert 0 == ended.code, ended.output
    assert {"ok"} == {one.headers["x-bridge-status"] for answers in rounds for one in answers}
    assert len(accounts) == len(site.simulator.effects.of_method("SkipManualDialContact"))
    assert len(accounts) == len(site.simulator.effects.of_method("CreateContact"))
    assert before == await everything_on(rabbit)


async def everything_on(rabbit: PrivateRabbit) -> str:
    """Return the names of all queues and exchanges, and how many bindings and messages there are."""
    return await rabbit.ctl(
        "eval",
        "{lists:sort([amqqueue:get_name(Q) || Q <- rabbit_amqqueue:list()]),"
        " lists:sort([element(2, X) || X <- rabbit_exchange:list()]),"
        ' length(rabbit_binding:list(<<"/">>))}.',
    )


async def test_a_check_that_hangs_is_told_of() -> None:
    """What has no end within the bound fails by its name, and the others are told beside it."""

    async def hanging() -> list[Finding]:
        await asyncio.Event().wait()
        raise AssertionError

    found = await beside({"declare": hanging, "round trip": well}, 0.05, "see the log")

    assert [("declare", "failed"), ("round trip", "ok")] == [(one.check, one.state) for one in found]
    assert ("no answer within 0.1 s", "see the log") == (found[0].found, found[0].advice)


async def well() -> list[Finding]:
    """Find nothing wrong."""
    return [ok("round trip", "fast")]


async def broken() -> list[Finding]:
    """Meet what nobody expects."""
    raise KeyError("not foreseen: redis://user:hunter2@redis/0")


async def test_a_check_that_is_at_fault_itself_is_told_of() -> None:
    """What nobody expects fails by its name, not as a fault of the site; the others are told beside it."""

    async def cancelled() -> list[Finding]:
        raise asyncio.CancelledError

    found = await beside({"declare": broken, "bind": cancelled, "queue": well}, 1, "see the log")

    assert ["failed", "failed", "ok"] == [one.state for one in found]
    assert ["declare", "bind", "round trip"] == [one.check for one in found]
    assert "KeyError" in found[0].found
    assert "CancelledError" in found[1].found
    assert {"a fault of lcm-bridge check: report it"} == {one.advice for one in found[:2]}


async def test_a_dependency_whose_check_is_at_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """The others are told all the same, in the table and as JSON, without log-ins and without a trace."""
    found = await every({"RabbitMQ": well, "Redis": broken, "LCM": well})
    as_json(found)
    document = capsys.readouterr()
    print_table(found)
    table = capsys.readouterr()

    checks = {one["dependency"]: one for one in json.loads(document.out)["checks"]}
    assert ["ok", "failed", "ok"] == [one["state"] for one in checks.values()]
    assert ["RabbitMQ", "Redis", "LCM"] == list(checks)
    assert "KeyError: 'not foreseen: redis://" in checks["Redis"]["found"]
    assert "a fault of lcm-bridge check: report it" == checks["Redis"]["next"]
    assert "3 checks: 1 failed (Redis check)" == table.out.splitlines()[-1]
    told = document.out + document.err + table.out + table.err
    assert [False, False] == [word in told for word in ("hunter2", "Traceback")]


@pytest.mark.parametrize(("columns", "lines"), [("", 3), ("40", None)])
def test_nothing_of_the_table_is_cut(
    columns: str,
    lines: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A pipe has no width: a line for each finding, and one for what to do. A narrow terminal folds."""
    monkeypatch.setenv("COLUMNS", columns)
    address = "rabbitmq-0.rabbitmq-headless.contact-centre.svc.cluster.local:5671"
    print_table({"RabbitMQ": [Finding("node", "failed", f"{address} is not there", "see there", address)]})
    table, _, summed = capsys.readouterr().out.rstrip().rpartition("\n")

    assert "\u2026" not in table
    assert 3 == sum("".join(table.split()).count(part) for part in ("node", "isnotthere", "->seethere"))
    assert lines in (None, len(table.splitlines()))
    assert "1 checks: 1 failed (RabbitMQ node)" == summed


def test_the_sum_of_it() -> None:
    """The last line counts and names what failed first, then what to look at."""
    well, ill, bad = (Finding("queue", state, "") for state in ("ok", "warning", "failed"))

    assert "2 checks: ok" == summary({"RabbitMQ": [well, well]})
    assert "2 checks: ok, 1 to look at (Redis queue)" == summary({"RabbitMQ": [well], "Redis": [ill]})
    assert "3 checks: 2 failed (LCM queue), 1 to look at (Redis queue)" == summary(
        {"Redis": [ill], "LCM": [bad, bad]}
    )
