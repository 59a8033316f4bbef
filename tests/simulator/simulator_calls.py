"""What the simulator's tests share: a running simulator, and calls to it over real HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession

from bridge.simulator import Options, Simulator

JSON = {"Content-Type": "application/json; charset=utf-8"}
MANUAL = {
    "AgentID": "testagent@domain.com",
    "NumberOfContactsRequired": "1",
    "Consent": "Yes",
    "ReservedContacts": "true",
}
SKIP = {
    "OutcomeId": 100,
    "UserID": "testagent@domain.com",
    "AccountNumber": "49|3|279|0|0|44|1253",
    "PhoneNumber": "1234567890",
}
CREATE = {
    "CampaignID": "SampleCampaign",
    "Calltype": "0",
    "callStartDateTime": "24/10/2024 07:33",
    "callEndDateTime": "24/10/2024 07:33",
    "BussinessFields": "<Data><first_name>test</first_name></Data>",
    "priority": 0,
    "Modes": "<Data><Home><Cvalue>609309034</Cvalue><TZ>(UTC-05:00) Eastern Time</TZ></Home></Data>",
    "AgentID": "",
    "SMSData": "",
    "MailSubject": "",
    "MailMsg": "",
    "MailAttachment": "",
    "ZipCode": "",
    "ContactDetail": "",
    "ListID": 18,
    "IsAccountNumber": True,
    "Status": 4,
}


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: datetime = field(default_factory=lambda: datetime(2026, 10, 7, 9, 5, 30, tzinfo=UTC))

    def __call__(self) -> datetime:
        """Give the present moment."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)

    @property
    def d(self) -> Any:
        """The result."""
        return self.json["d"]


@dataclass(frozen=True)
class Caller:
    """Calls one simulator."""

    http: ClientSession
    simulator: Simulator

    async def post(self, method: str, data: object = None, **headers: str) -> Answer:
        """Call an LCM method; text and bytes are sent as they stand."""
        body = data if isinstance(data, str | bytes) else json.dumps(data)
        url = f"{self.simulator.base_url}/{method}"
        async with self.http.post(url, data=body, headers=JSON | headers, allow_redirects=False) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.text())

    async def control(self, verb: str, path: str, body: object = None) -> Answer:
        """Call the control API."""
        url = f"{self.simulator.control_url}/{path}"
        async with self.http.request(verb, url, json={} if body is None else body) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.text())


@asynccontextmanager
async def simulated(options: Options | None = None, clock: Clock | None = None) -> AsyncIterator[Caller]:
    """Run a simulator on a free port, and a client for it."""
    simulator = Simulator(options) if clock is None else Simulator(options, clock=clock)
    async with simulator.running(), ClientSession() as http:
        yield Caller(http, simulator)
