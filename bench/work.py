"""The two workloads: the request with a given number, and whether a reply answers it.

Every request carries a key that its reply must bear: a read the agent, in the account number of each of the
agent's contacts; a side effect a number of its own, in the LCM key of what was created. The stand-in
(`bench.standin`) builds both out of what LCM is sent, so a reply that belongs to another request is seen.
"""

from typing import Any, Final, Literal, get_args

import orjson

WorkName = Literal["read", "side-effect"]
WORK_NAMES: Final = get_args(WorkName)

NUMBER_DIGITS: Final = 12


CAMPAIGN: Final = "SamplePreviewCampaign-ACQ"


def od_contact(agent: str, campaign: str = CAMPAIGN) -> dict[str, Any]:
    """Return the OD contact of an agent as it is replied: the members of the vendor's sample."""
    return {
        "PhoneNumber": "9873635",
        "AccountNumber": account_number(agent),
        "CampaignId": campaign,
        "Mode": "Home",
        "ContactId": "137",
        "ExpiryTime": "Dec 31 2099 11:59PM",
        "CallbackTime": "Dec 31 2099 11:59PM",
        "CallType": "Regular Call",
        "Prefix": "",
        "Suffix": "",
        "Queue": "Queue1",
    }


def manual_contact(agent: str, campaign: str = CAMPAIGN) -> dict[str, Any]:
    """Return a manual dial contact of an agent as it is replied: the members of the vendor's sample."""
    return {
        "PhoneNumber": "2082097345",
        "AccountNumber": account_number(agent),
        "CampaignId": campaign,
        "Mode": "Mobile",
        "ContactId": 9,
        "ExpiryTime": "12/31/2099 23:59:00",
        "CallbackTime": "12/31/2099 23:59:00",
        "CallType": 0,
        "Consent": "Yes",
    }


def account_number(agent: str) -> str:
    """Return the account number of every contact that the stand-in gives an agent."""
    return f"137|1|{agent}|0|0|84|1"


def created_key(number: str) -> str:
    """Return the LCM key of the contact that was created with a number."""
    return f"77|1|{number}|0|0|84|0"


class Work:
    """A workload: requests by number, and the check of their replies.

    `contacts` above 1 makes a read ask for so many manual dial contacts in place of the one OD contact
    (the setting `contacts` of the stand-in must say the same). `body_bytes` is the least size of a
    request's body in bytes: a read is padded by a member that nobody reads, a creation in its
    BussinessFields. Reads cycle through `agents` agents. Raises ValueError for numbers below 1.
    """

    def __init__(self, name: WorkName, *, contacts: int = 1, body_bytes: int = 0, agents: int = 1000) -> None:
        if min(contacts, agents) < 1 or body_bytes < 0:
            raise ValueError("contacts and agents must be at least 1, body_bytes at least 0")
        self.name = name
        self._contacts = contacts
        self._agents = [b"agent-%06d" % number for number in range(agents)]
        self._keyed_parts: list[bytes] = []
        key = self.key(0)
        body = orjson.dumps(self._envelope(key.decode(), 0))
        if len(body) < body_bytes:
            body = orjson.dumps(self._envelope(key.decode(), body_bytes - len(body)))
        self.opening, self.rest = body.split(key)
        """The body of a request before and after its key."""
        self.key_length = len(key)

    def key(self, number: int) -> bytes:
        """Return the key of the request with this number."""
        if self.name == "read":
            return self._agents[number % len(self._agents)]
        return b"%0*d" % (NUMBER_DIGITS, number)

    def problem(self, key: bytes, body: bytes) -> str | None:
        """Say what is wrong with the body of the reply to the request with this key; None if nothing is.

        The first right reply is read as JSON. Whatever differs from it in nothing but the key is right
        too, which is much cheaper to see; anything else is read again.
        """
        if self._keyed_parts and key.join(self._keyed_parts) == body:
            return None
        try:
            reply = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return f"the reply to {key.decode()} is not JSON ({error}): {body[:300]!r}"
        if not self._is_right(reply, key.decode()):
            return f"the reply to {key.decode()} is {body[:600].decode(errors='replace')}"
        self._keyed_parts = body.split(key)
        return None

    def _is_right(self, reply: Any, key: str) -> bool:  # noqa: ANN401 - any JSON
        """Compare with the only right reply; a campaign's name may be longer, as the stand-in pads it."""
        match reply:
            case {"message": {"response": response}}:
                pass
            case _:
                return False
        if self.name == "side-effect":
            return bool(reply == _reply("CreateContactResponse", created_key(key)))
        if self._contacts == 1:
            right: Any = od_contact(key, _campaign(response))
            return bool(reply == _reply("ContactOD", right))
        if not isinstance(response, list) or len(response) != self._contacts:
            return False
        right = [manual_contact(key, _campaign(contact)) for contact in response]
        return bool(reply == _reply("DownloadContactsForDialing", right))

    def _envelope(self, key: str, padding: int) -> dict[str, Any]:
        if self.name == "side-effect":
            return _creation(key, padding)
        data: dict[str, Any] = {"UserID": key}
        subtopic = "GetReservedContactOD"
        if self._contacts > 1:
            subtopic = "GetReservedManualDialContact"
            data = {
                "AgentID": key,
                "NumberOfContactsRequired": self._contacts,
                "Consent": "Yes",
                "ReservedContacts": "true",
            }
        if padding:
            data["Padding"] = "x" * padding
        return _request(subtopic, data)


def _campaign(contact: Any) -> str:  # noqa: ANN401 - any JSON
    match contact:
        case {"CampaignId": str(name)} if name.startswith(CAMPAIGN):
            return name
        case _:
            return CAMPAIGN


def _creation(number: str, padding: int) -> dict[str, Any]:
    """Return a CreateContact request, with every member of the vendor's sample."""
    fields = "<first_name>test</first_name><last_name>test</last_name><last_contact>2024</last_contact>"
    if padding:
        fields += f"<note>{'x' * padding}</note>"
    return _request(
        "CreateContact",
        {
            "CampaignID": "SampleCampaign",
            "Calltype": "0",
            "callStartDateTime": "24/10/2024 07:33",
            "callEndDateTime": "24/10/2024 07:34",
            "Modes": (
                f"<Data><Home><Cvalue>{number}</Cvalue>"
                "<TZ>(UTC-05:00) Eastern Time (US and Canada)</TZ></Home></Data>"
            ),
            "priority": 0,
            "AgentID": "",
            "SMSData": "",
            "MailSubject": "",
            "MailMsg": "",
            "MailAttachment": "",
            "ZipCode": "",
            "ContactDetail": "",
            "ListID": 0,
            "IsAccountNumber": True,
            "Status": 4,
            "BussinessFields": f"<Data>{fields}</Data>",
        },
    )


def _request(subtopic: str, data: dict[str, Any]) -> dict[str, Any]:
    address = {"channel": "LCM", "topic": "WebService", "subtopic": subtopic}
    return {**address, "source": "bench", "data": data}


def _reply(subtopic: str, response: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    address = {"channel": "LCM", "topic": "WebService", "subtopic": subtopic}
    return {**address, "message": {"response": response}}
