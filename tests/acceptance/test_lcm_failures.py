"""What becomes of a request when LCM fails, of reads and of side effects, by every class of failure."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from support.envelopes import Envelope, add_contact, create, manual, od, skip
from support.permitted import url_for_sites
from support.requester import Reply
from support.site import Site, name_of_letters, open_site
from support.worker import until

from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.simulator import Fault, Options, Protection

USER, PASSWORD, TOKEN = "bridge-user", "pa55-w0rd", "t0ken-of-the-bridge"
SETTINGS = {
    "BRIDGE_LCM__TIMEOUT": "0.6",
    "BRIDGE_LCM__MAX_RESPONSE_BYTES": "100000",
    "BRIDGE_LCM__USERNAME": USER,
    "BRIDGE_LCM__PASSWORD": PASSWORD,
    "BRIDGE_LCM__HEADERS": f'{{"X-Api-Key": "{TOKEN}"}}',
    "BRIDGE_CONTACTS__FRESH_FOR": "0",
    "BRIDGE_BREAKER__MINIMUM_CALLS": "100000",  # here every call fails
}

WS, UNAVAILABLE, TIMEOUT, BAD = "WS_Error", "LCM_UNAVAILABLE", "LCM_TIMEOUT", "LCM_BAD_RESPONSE"
UNKNOWN = "OUTCOME_UNKNOWN"

# Fault -> what a read is told, what a side effect is told.
FAULTS: dict[str, tuple[Fault, str, str]] = {
    "a WCF fault": (Fault(kind="fault", message="Campaign is closed"), WS, WS),
    "401": (Fault(kind="status", status=401), WS, WS),
    "403": (Fault(kind="html", status=403), WS, WS),
    "404": (Fault(kind="html", status=404), WS, WS),
    "413": (Fault(kind="html", status=413), WS, WS),
    "415": (Fault(kind="html", status=415), WS, WS),
    "429": (Fault(kind="status", status=429), UNAVAILABLE, UNAVAILABLE),
    "503": (Fault(kind="html", status=503), UNAVAILABLE, UNAVAILABLE),
    "502": (Fault(kind="html", status=502), UNAVAILABLE, UNKNOWN),
    "504": (Fault(kind="html", status=504), UNAVAILABLE, UNKNOWN),
    "500 without a fault": (Fault(kind="html", status=500), BAD, UNKNOWN),
    "a redirect": (Fault(kind="redirect"), BAD, UNKNOWN),
    "not JSON": (Fault(kind="not_json"), BAD, UNKNOWN),
    "HTML with 200": (Fault(kind="html", status=200), BAD, UNKNOWN),
    "no member d": (Fault(kind="wrong_shape"), BAD, UNKNOWN),
    "another result": (Fault(kind="result", result=[[1], "x"]), BAD, UNKNOWN),
    "half an answer": (Fault(kind="half"), BAD, UNKNOWN),
    "a huge answer": (Fault(kind="huge", size_bytes=1_000_000), BAD, UNKNOWN),
    "latency": (Fault(latency_ms=5000), TIMEOUT, UNKNOWN),
    "a hanging call": (Fault(kind="hang"), TIMEOUT, UNKNOWN),
    "an answer that drips": (Fault(kind="drip", drip_ms=400), TIMEOUT, UNKNOWN),
}


@pytest.fixture(scope="module")
async def failing(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Run a site with short bounds, whose LCM asks for credentials."""
    protection = Protection(basic_user=USER, basic_password=PASSWORD, header=("X-Api-Key", TOKEN))
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("failing")
        options = Options(protection=protection)
        yield await open_site(
            stack, url_for_sites(rabbit), redis_server.url, folder, options, SETTINGS, ready=True
        )


@pytest.fixture(autouse=True)
async def lcm_recovers(failing: Site) -> AsyncIterator[None]:
    """End every fault after a test."""
    yield
    failing.simulator.faults.clear()
    failing.simulator.release(drop=True)


def reveals_nothing(site: Site, reply: Reply) -> None:
    """Check that a reply holds neither credentials nor hosts nor stacks."""
    said = reply.message.body.decode() + str(reply.headers)
    secrets = [USER, PASSWORD, TOKEN, "127.0.0.1", "localhost", "Traceback", ".svc", "aiohttp"]
    secrets.append(site.simulator.base_url.rpartition(":")[2].partition("/")[0])
    assert [] == [secret for secret in secrets if secret in said]


@pytest.mark.parametrize("name", FAULTS)
async def test_a_read(failing: Site, name: str) -> None:
    """A read is told by the class of its failure; unavailability and time-outs may be tried again."""
    fault, error_type, _ = FAULTS[name]
    agent = name_of_letters()
    add_contact(failing.simulator, agent, kind="od")
    failing.simulator.faults.put(fault)

    reply = await failing.widget.ask(od(agent))

    assert (error_type, "ContactOD") == (reply.error_type, reply.body["subtopic"])
    assert (error_type in {UNAVAILABLE, TIMEOUT}) is reply.response["retryable"]
    assert error_type == reply.headers["x-bridge-error-type"]
    reveals_nothing(failing, reply)


@pytest.mark.parametrize(
    ("name", "after"),
    [(name, False) for name in FAULTS]
    # Where LCM says no it has not acted before, and a wait comes before all.
    + [(name, True) for name, (fault, _, told) in FAULTS.items() if told == UNKNOWN and fault.kind != "none"],
)
async def test_a_side_effect(failing: Site, name: str, after: bool) -> None:  # noqa: FBT001
    """Unless LCM said no, the outcome is unknown: a reply, a dead letter, and no second call."""
    fault, _, error_type = FAULTS[name]
    agent = name_of_letters()
    account = add_contact(failing.simulator, agent)
    failing.simulator.faults.put(replace(fault, when="after" if after else "before"))
    calls = failing.simulator.calls.total

    reply = await failing.widget.ask(skip(agent, account), message_id=agent)

    assert (error_type, "SkipManualDialContactResult") == (reply.error_type, reply.body["subtopic"])
    assert (error_type == UNAVAILABLE) is reply.response["retryable"]
    reveals_nothing(failing, reply)
    if error_type == UNKNOWN:
        letter = await failing.widget.dead_letter()
        assert ("outcome-unknown", agent) == (letter.headers["x-reason"], letter.message_id)
        assert calls + 1 == failing.simulator.calls.total
    effects = [one for one in failing.simulator.effects.effects if one.agent == agent]
    assert int(after) == len(effects)


@pytest.mark.parametrize("name", ["create", "new contacts"])
async def test_every_side_effect_is_guarded(failing: Site, name: str) -> None:
    """Creation and the reservation of new contacts are side effects as well."""
    agent = name_of_letters()
    add_contact(failing.simulator, agent, reserved=False)
    request: Envelope = {"create": create(AgentID=agent), "new contacts": manual(agent, reserved=False)}[name]
    failing.simulator.faults.put(Fault(kind="reset", when="after"))

    reply = await failing.widget.ask(request)

    assert UNKNOWN == reply.error_type
    assert "outcome-unknown" == (await failing.widget.dead_letter()).headers["x-reason"]
    assert 1 == len([one for one in failing.simulator.effects.effects if one.agent == agent])


async def test_unknown_without_a_reply_to_is_one_dead_letter(failing: Site) -> None:
    """Nobody waits and the outcome is unknown: one dead letter, outcome-unknown."""
    failing.simulator.faults.put(Fault(kind="reset"))

    await failing.widget.publish(create(), message_id="unknown-1")

    letter = await failing.widget.dead_letter()
    assert ("outcome-unknown", "unknown-1") == (letter.headers["x-reason"], letter.message_id)
    depth = await failing.widget.channel.declare_queue(f"{failing.prefix}.dead-letters", passive=True)
    assert 0 == depth.declaration_result.message_count


async def test_a_reset_of_a_read(failing: Site) -> None:
    """A connection that is reset under a read is unavailability, which may be tried again."""
    failing.simulator.faults.put(Fault(kind="reset"))

    reply = await failing.widget.ask(od("agent1"))

    assert (UNAVAILABLE, True) == (reply.error_type, reply.response["retryable"])
    reveals_nothing(failing, reply)


async def test_lcm_says_what_it_refuses(failing: Site) -> None:
    """A fault's message reaches the developer, its stack nobody."""
    failing.simulator.faults.put(Fault(kind="fault", message="Campaign is closed"))

    reply = await failing.widget.ask(create())

    assert "Campaign is closed" == reply.response["errorMessage"]


async def test_refused_credentials_are_named(failing: Site) -> None:
    """401 and 403 say that the bridge's credentials were refused, not which."""
    failing.simulator.faults.put(Fault(kind="status", status=401))

    reply = await failing.widget.ask(od("agent1"))

    assert "credentials" in reply.response["errorMessage"]


async def test_a_redirect_is_not_followed(failing: Site) -> None:
    """A redirect could carry the credentials elsewhere, and a side effect twice: it is not followed."""
    calls = failing.simulator.calls.total
    failing.simulator.faults.put(Fault(kind="redirect", status=307, location="/elsewhere"))

    await failing.widget.ask(od("agent1"))

    assert calls + 1 == failing.simulator.calls.total


async def test_no_connection_at_all(failing: Site) -> None:
    """With LCM down a read and a side effect are both LCM_UNAVAILABLE and retryable; then it comes back."""
    agent = name_of_letters()
    account = add_contact(failing.simulator, agent)
    port = int(failing.simulator.base_url.rpartition(":")[2].partition("/")[0])
    await failing.simulator.stop()

    replies = [await failing.widget.ask(request) for request in (od(agent), skip(agent, account))]

    assert [(UNAVAILABLE, True)] * 2 == [(one.error_type, one.response["retryable"]) for one in replies]
    for reply in replies:
        reveals_nothing(failing, reply)
    await failing.simulator.start(port=port)
    assert {"success": True} == (await failing.widget.ask(skip(agent, account))).response


async def test_stale_contacts_while_lcm_is_unavailable(failing: Site) -> None:
    """Contacts that have not expired are served stale, even too few; they do not hide a fault."""
    agent = name_of_letters()
    account = add_contact(failing.simulator, agent)
    fetched = await failing.widget.ask(manual(agent, 3))
    assert "miss" == fetched.headers["x-bridge-cache"]

    for fault in (Fault(kind="html", status=503), Fault(kind="hang"), Fault(kind="html", status=502)):
        failing.simulator.faults.put(fault)
        reply = await failing.widget.ask(manual(agent, 3))
        assert ("ok", "stale") == (reply.headers["x-bridge-status"], reply.headers["x-bridge-cache"])
        assert [account] == [one["AccountNumber"] for one in reply.response]

    failing.simulator.faults.put(Fault(kind="fault"))
    assert WS == (await failing.widget.ask(manual(agent, 3))).error_type


async def test_the_deadline_bounds_the_call(failing: Site) -> None:
    """A read whose deadline comes before the time-out of LCM is answered at its deadline."""
    failing.simulator.faults.put(Fault(kind="hang"))

    reply = await failing.widget.ask(od("agent1"), expiration=0.2)

    assert TIMEOUT == reply.error_type
    await until(lambda: failing.simulator.hung == 1, "the call that hangs")


@pytest.mark.parametrize("no_contact", ["null", "empty-array", "empty-string", "false", "reason"])
async def test_no_contact(failing: Site, no_contact: str) -> None:
    """Every form of LCM's no contact: an empty array of manual ones, CONTACT_NOT_FOUND for OD."""
    forms: dict[str, object] = {"null": None, "empty-array": [], "empty-string": "", "false": False}
    if no_contact == "reason":
        failing.simulator.faults.put(Fault(kind="result", result={"RequestFailureReason": "None left"}))
        refused = await failing.widget.ask(manual("agent1"))
        assert (WS, "None left") == (refused.error_type, refused.response["errorMessage"])
    else:
        failing.simulator.faults.put(Fault(kind="result", result=forms[no_contact]))
        assert [] == (await failing.widget.ask(manual(name_of_letters()))).response

    reply = await failing.widget.ask(od("agent1"))

    assert ("CONTACT_NOT_FOUND", "Contact not found", False) == (
        reply.error_type,
        reply.response["msg"],
        reply.response["retryable"],
    )
