"""Request envelopes in the contract's spelling, and contacts placed in the simulated LCM."""

import re
from typing import Any

from bridge.simulator import Simulator
from bridge.simulator.placement import place

Envelope = dict[str, Any]

CREATION: dict[str, Any] = {
    "CampaignID": "SampleCampaign",
    "Calltype": "0",
    "callStartDateTime": "24/10/2024 07:33",
    "callEndDateTime": "24/10/2024 07:34",
    "BussinessFields": "<Data><first_name>test</first_name></Data>",
    "Modes": "<Data><Home><Cvalue>609309034</Cvalue><TZ>(UTC-05:00) Eastern Time</TZ></Home></Data>",
    "IsAccountNumber": True,
}


def envelope(subtopic: str, data: Any, *, channel: str = "LCM", topic: str = "WebService") -> Envelope:
    """Build a request."""
    return {"channel": channel, "topic": topic, "subtopic": subtopic, "data": data}


def manual(agent: str, count: int = 1, *, consent: str = "Yes", reserved: bool = True) -> Envelope:
    """Ask for manual dial contacts."""
    return envelope(
        "GetReservedManualDialContact",
        {
            "AgentID": agent,
            "NumberOfContactsRequired": count,
            "Consent": consent,
            "ReservedContacts": reserved,
        },
    )


def od(agent: str) -> Envelope:
    """Ask for the agent's OD contact."""
    return envelope("GetReservedContactOD", {"UserID": agent})


def skip(agent: str, account: str, *, phone: str = "2025550100", outcome: int = 100) -> Envelope:
    """Skip a contact."""
    data = {"OutcomeId": outcome, "UserID": agent, "AccountNumber": account, "PhoneNumber": phone}
    return envelope("SkipManualDialContact", data)


def dial(phone: str = "+1 202 555 0100") -> Envelope:
    """Relay a call to the softphone."""
    return envelope("ManualDialCall", {"PhoneNumber": phone}, channel="Amazon", topic="InboundCall")


def create(subtopic: str = "CreateContact", **data: Any) -> Envelope:
    """Create a contact."""
    return envelope(subtopic, CREATION | data)


def add_agent(simulator: Simulator, *agents: str) -> None:
    """Log agents in."""
    for agent in agents:
        simulator.state.set_login(agent, logged_in=True)


def add_contact(simulator: Simulator, agent: str, **members: Any) -> str:
    """Reserve a contact for an agent, who is logged in; members as in the control API. Gives its key."""
    add_agent(simulator, agent)
    return place(simulator.state, {"agent": agent, **members}).account_number


def calls_about(simulator: Simulator, text: str) -> int:
    """Count the calls of LCM whose body holds a text, such as an agent of the test's own."""
    return sum(text in (call.body or "") for call in simulator.calls.calls)


# The simulator gives contacts that expire in the future, and new contacts a key of their own.
VARYING = {"ExpiryTime", "CallbackTime"}
LCM_KEY = re.compile(r"\d+(\|[^|]*){6}")


def comparable(value: Any, name: str = "") -> Any:
    """Return a reply with what differs from run to run replaced, members still in order."""
    if isinstance(value, dict):
        return [(key, comparable(member, key)) for key, member in value.items()]
    if isinstance(value, list):
        return [comparable(one) for one in value]
    if name in VARYING:
        return "a date"
    return "an LCM key" if name == "response" and LCM_KEY.fullmatch(str(value)) else value
