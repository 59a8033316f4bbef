"""Operations that a site adds by a file or turns on by a setting, as those who use them see them."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aio_pika.abc import AbstractIncomingMessage
from support.command import run_command
from support.envelopes import add_contact, comparable, od
from support.permitted import url_for_sites
from support.requester import next_message
from support.schemas import fits
from support.site import MakeSite, Site, name_of_letters, open_site
from support.worker import until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.forwarding import COUNTS
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


def told(message: AbstractIncomingMessage) -> dict[str, Any]:
    """Return properties and headers of what the bridge published, named as in the document."""
    return {
        "correlationId": message.correlation_id,
        "messageId": message.message_id,
        "timestamp": None if message.timestamp is None else int(message.timestamp.timestamp()),
        "contentType": message.content_type,
        "deliveryMode": message.delivery_mode,
        "type": message.type,
        "appId": message.app_id,
        **message.headers,
    }


def documented_as(contract: Any, kind: str, message: AbstractIncomingMessage, body: Any) -> bool:
    """Tell whether a message is as the document says, and bears no header that it does not tell of."""
    shown = contract["components"]["messages"][kind]
    known = contract["components"]["schemas"]["ReplyHeaders"]["properties"]
    assert told(message).keys() <= known.keys()
    return fits(shown["headers"], told(message), contract) and fits(shown["payload"], body, contract)


async def test_an_operation_is_added_by_one_file(make_site: MakeSite, tmp_path: Path) -> None:
    """The page's own example, and a restart of the bridge alone: answered, counted, listed, and described."""
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
    status, document = await site.worker.get("/asyncapi.json")
    shown, page = await site.worker.get("/docs")
    _, paths = await site.worker.get("/")

    assert "UNKNOWN_OPERATION" == before.error_type
    assert "SetCampaignGroup" == reply.body["subtopic"]
    assert declaration.example.message == reply.body["message"]
    assert "INVALID_DATA" == wrong.error_type
    for outcome, count in (("ok", 2), ("INVALID_DATA", 1), ("LCM_TIMEOUT", 0)):
        sample = f'lcm_bridge_requests_total{{operation="GetCampaignGroups",outcome="{outcome}"}}'
        assert count == await site.worker.metric(sample)
    assert (0, reply.body) == (by_name.code, json.loads(by_name.output)), by_name.errors
    assert (200, 200, True) == (status, shown, "GetCampaignGroups" in page)
    assert {"/asyncapi.json", "/docs", "/metrics", "/livez", "/readyz"} == set(paths.split())
    assert [key for key in json.loads(document)["operations"] if "GetCampaignGroups" in key]
    known = {one["name"]: one for one in json.loads(listed.output)}
    assert 6 == len(known)
    assert str(Path("config/operations/get_campaign_groups.toml")) == known["GetCampaignGroups"]["from"]


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
        yield await open_site(
            stack, url_for_sites(rabbit), redis_server.url, folder, options, settings, ready=True
        )


@pytest.fixture(scope="module")
async def contract(siblings_on: Site) -> Any:
    """Return the AsyncAPI document of that site, as it serves it."""
    status, text = await siblings_on.worker.get("/asyncapi.json")
    assert 200 == status
    return json.loads(text)


async def test_every_example_is_answered_as_the_document_says(siblings_on: Site, contract: Any) -> None:
    """Of the contract's operations and of every sibling, by each route: what comes is valid, and as shown."""
    messages = contract["components"]["messages"]
    asked = [(key, one) for key, one in contract["operations"].items() if "reply" in one]
    # Those that close a contact last, as others read it.
    asked.sort(key=lambda both: bool(both[1]["x-operation"]["side-effect"]))

    for key, _ in asked:
        [request], [shown] = messages[f"{key}Request"]["examples"], messages[f"{key}Reply"]["examples"]
        reply = await siblings_on.widget.ask(
            request["payload"], headers={"idempotency-key": request["headers"].get("idempotency-key", key)}
        )
        assert documented_as(contract, f"{key}Reply", reply.message, reply.body), (key, reply.body)
        assert comparable(shown["payload"]) == comparable(reply.body), key
    assert 30 == len(asked)


async def test_every_failure_is_told_as_the_document_says(siblings_on: Site, contract: Any) -> None:
    """The example of a failure is the reply to the request that it stands beside, to the letter."""
    failures = {name: one for name, one in contract["components"]["messages"].items() if "x-answers" in one}

    for name, message in failures.items():
        [shown] = message["examples"]
        reply = await siblings_on.widget.ask(message["x-answers"])
        assert shown["payload"] == reply.body
        assert documented_as(contract, name, reply.message, reply.body), name
    assert 31 == len(failures)


async def test_an_event_and_a_dead_letter_are_as_the_document_says(siblings_on: Site, contract: Any) -> None:
    """What becomes of requests without a reply_to: their headers too, of which none is untold."""
    messages = contract["components"]["messages"]
    events = await siblings_on.widget.listen("UI.InboundCall.#")
    known = contract["components"]["schemas"]["DeadLetterHeaders"]["properties"]

    await siblings_on.widget.publish(
        messages["ManualDialCallRequest"]["examples"][0]["payload"], message_id="e"
    )
    event = await next_message(events)
    await siblings_on.widget.publish(messages["ManualDialCallFailure"]["x-answers"], expiration=60)
    letter = await siblings_on.widget.dead_letter()

    assert documented_as(contract, "ManualDialCallReply", event, json.loads(event.body))
    assert "e" == told(event)["idempotency-key"]
    assert letter.headers.keys() - COUNTS <= known.keys()
    assert fits(messages["DeadLetter"]["headers"], dict(letter.headers), contract)


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
