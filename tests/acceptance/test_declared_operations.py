"""Operations that a site adds by a file or turns on by a setting, as those who use them see them."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from support.command import run_command
from support.envelopes import add_contact, od
from support.site import MakeSite, Site, name_of_letters, open_site
from support.worker import until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.operations.declared.reading import read
from bridge.operations.shipped import built_in, siblings
from bridge.simulator import Fault, Options
from bridge.simulator.declared import with_declared

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
# The example of its own declaration, for a campaign that the simulator has.
[EXAMPLE] = [one.form.example for one in built_in() if one.name == "CreateContact"]
CONTACT = {**json.loads(EXAMPLE.data if EXAMPLE else ""), "CampaignID": "SampleCampaign"}


def documented() -> str:
    """Return the declaration that the page shows."""
    [text] = re.findall(r"```toml\n(name = .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


def request(subtopic: str, data: Any) -> dict[str, Any]:
    """Return a request under LCM / WebService."""
    return {"channel": "LCM", "topic": "WebService", "subtopic": subtopic, "data": data}


async def test_an_operation_is_added_by_one_file(make_site: MakeSite, tmp_path: Path) -> None:
    """The page's own example, and a restart of the bridge alone: it is answered, counted, listed, checked."""
    declaration = read(documented(), "x.toml")
    assert declaration.example is not None
    site = await make_site(with_declared(Options(), [declaration]))
    asked = request("GetCampaignGroups", declaration.example.data)

    before = await site.widget.ask(asked)
    await site.worker.stop()
    folder = tmp_path / "config" / "operations"
    folder.mkdir(parents=True)
    (folder / "get_campaign_groups.toml").write_text(documented())
    await site.worker.start()
    reply = await site.widget.ask(asked)
    wrong = await site.widget.ask(request("GetCampaignGroups", {"userID": 7}))
    by_name = await run_command(
        "request", "getcampaigngroups", "--set", "userID=agent1", folder=tmp_path, settings=site.settings
    )
    listed = await run_command("operations", "list", "--json", folder=tmp_path)

    assert "UNKNOWN_OPERATION" == before.error_type
    assert "SetCampaignGroup" == reply.body["subtopic"]
    assert declaration.example.message == reply.body["message"]
    assert "INVALID_DATA" == wrong.error_type
    for outcome, count in (("ok", 2), ("INVALID_DATA", 1), ("LCM_TIMEOUT", 0)):
        sample = f'lcm_bridge_requests_total{{operation="GetCampaignGroups",outcome="{outcome}"}}'
        assert count == await site.worker.metric(sample)
    assert (0, reply.body) == (by_name.code, json.loads(by_name.output)), by_name.errors
    told = {one["name"]: one for one in json.loads(listed.output)}
    assert 6 == len(told)
    assert str(Path("config/operations/get_campaign_groups.toml")) == told["GetCampaignGroups"]["from"]


async def test_a_bad_declaration_stops_the_start(tmp_path: Path) -> None:
    """With file, key and reason, and exit code 2."""
    folder = tmp_path / "config" / "operations"
    folder.mkdir(parents=True)
    (folder / "groups.toml").write_text(documented().replace("side_effect = false", ""))

    started = await run_command("run", folder=tmp_path)

    assert 2 == started.code
    assert "groups.toml: side_effect: must be said" in started.errors


@pytest.fixture(scope="module")
async def siblings_on(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """One site with every sibling on, in the bridge and in the simulator."""
    settings = {"BRIDGE_OPERATIONS__SIBLINGS": '["*"]'}
    options = with_declared(Options(), siblings())
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("siblings")
        yield await open_site(stack, rabbit.url, redis_server.url, folder, options, settings, ready=True)


async def test_every_sibling_is_answered(siblings_on: Site) -> None:
    """Turned on by one setting; each example gets a reply without an error, on the declared subtopic."""
    site = siblings_on
    asked = [one for one in siblings() if one.form.reply.shape != "none" and one.example is not None]
    # Those that close a contact last, as others read it.
    asked.sort(key=lambda one: bool(one.form.side_effect))

    for one in asked:
        assert one.example is not None
        route = one.form.routes[0]
        address = {"channel": route.channel, "topic": route.topic, "subtopic": route.subtopic}
        reply = await site.widget.ask({**address, "data": one.example.data}, message_id=one.name)
        assert ("ok", route.reply) == (reply.headers["x-bridge-status"], reply.body["subtopic"]), reply.body
    assert 22 == len(asked)


async def test_a_side_effect_of_a_sibling_happens_once(siblings_on: Site) -> None:
    """The request ledger knows it by its key, as those of the contract."""
    site = siblings_on
    contact = add_contact(site.simulator, name_of_letters())
    calls = len(site.simulator.calls.of_method("SetDNC"))
    data = {"AccountNumber": contact, "OutcomeID": 5, "BusinessOutcome": 105, "LeadScore": 0}

    first, again = [await site.widget.ask(request("SetDNC", data), message_id="once") for _ in range(2)]

    assert {"success": True} == first.response == again.response
    assert again.headers["x-bridge-replayed"]
    assert calls + 1 == len(site.simulator.calls.of_method("SetDNC"))


@pytest.mark.parametrize(
    ("data", "method", "response"),
    [
        (
            {"CValue": "609309034", "ChannelType": "VOICE", "UploadType": "DNC", "Operation": "Append"},
            "AddCompliance",
            {"success": True},
        ),
        (CONTACT, "CreateContact", None),
    ],
    ids=["upload", "contact"],
)
async def test_the_two_of_one_subtopic_live_together(
    siblings_on: Site, data: dict[str, Any], method: str, response: Any
) -> None:
    """AddCompliance is an upload or a contact by its data; LCM is told by the one's own method."""
    site = siblings_on
    calls = site.simulator.calls
    before = {name: len(calls.of_method(name)) for name in ("AddCompliance", "CreateContact")}

    reply = await site.widget.ask(request("AddCompliance", data), message_id=f"both-{method}")

    assert "AddComplianceResponse" == reply.body["subtopic"]
    assert response == reply.response if response else isinstance(reply.response, str), reply.body
    called = {name: len(calls.of_method(name)) - count for name, count in before.items()}
    assert {name: int(name == method) for name in before} == called


async def test_what_fits_neither_of_one_subtopic_is_refused(siblings_on: Site) -> None:
    """With what tells each, and without a call of LCM; one of the contract is not named as another's."""
    site = siblings_on
    before = site.simulator.calls.total

    reply = await site.widget.ask(request("AddCompliance", {"CampaignID": "Sales"}), message_id="neither")

    assert ("INVALID_DATA", "AddComplianceResponse") == (reply.error_type, reply.body["subtopic"])
    assert "CreateContact by 1 of" in reply.response["errorMessage"]
    assert "AddCompliance by 2 of" in reply.response["errorMessage"]
    assert before == site.simulator.calls.total


async def test_a_skipped_non_pewc_contact_is_not_served_from_the_cache(siblings_on: Site) -> None:
    """The skip does not name it, so all of its kind are forgotten."""
    site = siblings_on
    agent = name_of_letters()
    for _ in range(2):
        add_contact(site.simulator, agent, kind="od")

    first = await site.widget.ask(od(agent))
    skipped = await site.widget.ask(request("SkipNonPEWCContact", {"UserId": agent}), message_id="skip")
    second = await site.widget.ask(od(agent))

    assert {"success": True} == skipped.response
    assert "miss" == second.headers["x-bridge-cache"]
    assert first.response["AccountNumber"] != second.response["AccountNumber"]


async def test_nobody_is_told_of_an_operation_without_a_reply(siblings_on: Site, tmp_path: Path) -> None:
    """Neither by a reply nor by an event, and `request` does not wait; one that fails is dead-lettered."""
    site = siblings_on
    events = await site.widget.listen()
    body = request("SendAgentState", {"agentID": "agent1", "agentState": "NOT_READY"})
    reply_to = site.widget.reply_queue.name

    def settled() -> list[Any]:
        events = site.worker.events("request.settled")
        return [event for event in events if event["operation"] == "SendAgentState"]

    await site.widget.publish(body, reply_to=reply_to, correlation_id="told")
    ended = await run_command(
        *("request", "SendAgentState", "--set", "agentID=agent1", "--set", "agentState=READY"),
        folder=tmp_path,
        settings=site.settings,
    )
    await until(lambda: 2 == len(settled()), "two are settled")
    site.simulator.faults.put(Fault(kind="status", status=503, count=100))
    await site.widget.publish(body, reply_to=reply_to)
    letter = await site.widget.dead_letter()
    site.simulator.faults.clear()

    assert (0, "") == (ended.code, ended.output), ended.errors
    assert ended.errors.endswith("; SendAgentState is never answered\n")
    assert "failure-without-reply-to" == letter.headers["x-reason"]
    assert "SendAgentState" == letter.headers["x-operation"]
    sample = 'lcm_bridge_requests_total{operation="SendAgentState",outcome="%s"}'
    await until(lambda: 3 == len(settled()), "the third is settled")
    assert 2 == await site.worker.metric(sample % "ok")
    assert 1 == await site.worker.metric(sample % "LCM_UNAVAILABLE")
    assert [] == site.widget.unexpected
    assert await events.get(fail=False) is None
    assert 5 == len(site.simulator.calls.of_method("SetAgentStatus"))  # the last of them tried three times
