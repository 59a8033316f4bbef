"""Bad requests by the dozen over the wire: each gets its typed answer, and the worker goes on."""

import json
from typing import Any

import pytest
from support.envelopes import CREATION, add_contact, create, dial, envelope, manual, od, skip
from support.site import Site, name_of_letters

GOOD = json.dumps(od("testagent"))
# The vendor's pages indent by no-break spaces, and some of their quotes are curly.
PASTED = GOOD.replace("{", "{\n\u00a0\u00a0\u00a0 ").encode()
CURLY = GOOD.replace('"', "\u201d").encode()
TEN_MEGABYTES = b'{"channel": "' + b"x" * 10_000_000 + b'"}'
BOMB = (
    '<!DOCTYPE Data [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<Data><Home><Cvalue>&b;</Cvalue></Home></Data>"
)
EXTERNAL = '<!DOCTYPE Data [<!ENTITY x SYSTEM "file:///etc/passwd">]><Data><Home>&x;</Home></Data>'

UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \n\t ",
    "NUL": b"\0",
    "half an object": b'{"channel": "LCM", "topic"',
    "single quotes": b"{'channel': 'LCM'}",
    "a trailing comma": b'{"channel": "LCM",}',
    "a comment": b'{"channel": "LCM" /* no */}',
    "two objects": GOOD.encode() * 2,
    "text behind": GOOD.encode() + b"x",
    "a bare word": b"LCM",
    "NaN": b'{"channel": NaN}',
    "Infinity": b'{"channel": -Infinity}',
    "a number too large": b'{"channel": 1e999}',
    "a number of 5,000 digits": b'{"channel": ' + b"9" * 5000 + b"}",
    "a control character": b'{"channel": "L\x01CM"}',
    "a bad escape": rb'{"channel": "\x"}',
    "a half surrogate pair": rb'{"channel": "\ud800"}',
    "a half pair in a key": rb'{"\udfff": 1}',
    "an array": b"[]",
    "a string": b'"LCM"',
    "null": b"null",
    "a number": b"7",
    "no-break spaces": PASTED,
    "curly quotes": CURLY,
    "Latin 1": '{"channel": "\u00e9"}'.encode("latin-1"),
    "UTF-16": GOOD.encode("utf-16"),
    "overlong UTF-8": b'{"channel": "\xc0\xaf"}',
    "a gzip stream": b"\x1f\x8b\x08\x00" + b"\x00" * 40,
    "10 MB": TEN_MEGABYTES,
    "just over 1 MiB": b'{"x": "' + b"y" * 1024 * 1024 + b'"}',
    "33 levels": b'{"data":' + b"[" * 33 + b"]" * 33 + b"}",
    "100,000 levels": b"[" * 100_000,
    "100,000 levels of objects": b'{"a":' * 100_000,
    "the same key twice": b'{"channel": "LCM", "channel": "LCM"}',
    "the same key in two spellings": b'{"channel": "LCM", "Channel": "LCM"}',
    "no channel": b'{"topic": "WebService", "subtopic": "GetReservedContactOD", "data": {}}',
    "a channel that is a number": b'{"channel": 1, "topic": "a", "subtopic": "b", "data": {}}',
    "a topic that is null": b'{"channel": "LCM", "topic": null, "subtopic": "b", "data": {}}',
    "a key of data in two spellings": b'{"channel": "LCM", "topic": "WebService", "subtopic":'
    b' "GetReservedContactOD", "data": {"UserID": "a", "userid": "a"}}',
}


@pytest.fixture(scope="module", autouse=True)
async def reconnects(site: Site) -> float:
    """How often the worker has connected anew before these tests."""
    return await site.worker.metric("lcm_bridge_amqp_reconnects_total")


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_unreadable_body(site: Site, name: str) -> None:
    """What is no envelope is answered with the vendor's error event, INVALID_ENVELOPE, not retryable."""
    reply = await site.widget.ask(UNREADABLE[name])

    assert ["channel", "topic", "subtopic", "data"] == list(reply.body)
    assert ("Error", "ApiError") == (reply.body["topic"], reply.body["subtopic"])
    assert {"errorType", "errorMessage", "msg", "retryable"} == set(reply.body["data"])
    assert ("INVALID_ENVELOPE", False) == (reply.error_type, reply.body["data"]["retryable"])
    assert len(reply.message.body) < 2000


async def test_a_pasted_sample_is_told_what_is_wrong(site: Site) -> None:
    """For text copied from the vendor's pages the answer names the character, its line and its column."""
    spaces = await site.widget.ask(PASTED)
    quotes = await site.widget.ask(CURLY)

    assert "no-break space" in spaces.body["data"]["errorMessage"]
    assert "line 2, column 1" in spaces.body["data"]["errorMessage"]
    assert "right double quotation mark" in quotes.body["data"]["errorMessage"]


async def test_a_byte_order_mark_is_taken(site: Site) -> None:
    """A .NET client's byte-order mark does no harm."""
    reply = await site.widget.ask(b"\xef\xbb\xbf" + json.dumps(dial()).encode())

    assert "ManualDialCall" == reply.body["subtopic"]


@pytest.mark.parametrize(
    ("subtopic", "channel", "nearest"),
    [
        ("GetReservedContact", "LCM", "GetReservedContactOD"),
        ("SkipManualDialContacts", "LCM", "SkipManualDialContact"),
        ("", "LCM", "LCM/WebService"),
        ("\x00", "LCM", "LCM/WebService"),
        ("ManualDialCall", "Amazonas", "Amazon/InboundCall/ManualDialCall"),
        ("x" * 5000, "LCM", "of this length"),
        ("\u202egnirts", "LCM", "LCM/WebService"),
    ],
)
async def test_an_unknown_operation(site: Site, subtopic: str, channel: str, nearest: str) -> None:
    """An unknown subtopic is answered with an error event that names the nearest known operation."""
    topic = "InboundCall" if channel == "Amazonas" else "WebService"
    reply = await site.widget.ask(
        envelope(subtopic, {}, channel=channel, topic=topic), routing_key="anything"
    )

    assert "UNKNOWN_OPERATION" == reply.error_type
    assert nearest in reply.body["data"]["errorMessage"]
    assert channel == reply.body["channel"]


WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no data": ({"channel": "LCM", "topic": "WebService", "subtopic": "GetReservedContactOD"}, {"data"}),
    "data null": (envelope("GetReservedContactOD", None), {"data"}),
    "data an array": (envelope("GetReservedContactOD", []), {"data"}),
    "data a string": (envelope("SkipManualDialContact", "{}"), {"data"}),
    "nothing given": (
        envelope("SkipManualDialContact", {}),
        {"data.OutcomeId", "data.UserID", "data.AccountNumber", "data.PhoneNumber"},
    ),
    "a user that is a number": (envelope("GetReservedContactOD", {"UserID": 7}), {"data.UserID"}),
    "an empty user": (od(""), {"data.UserID"}),
    "a blank user": (od(" "), {"data.UserID"}),
    "a user of 129": (od("u" * 129), {"data.UserID"}),
    "a user with NUL": (od("a\0b"), {"data.UserID"}),
    "two users": (
        envelope("GetReservedContactOD", {"UserID": "a", "AgentID": "b"}),
        {"data.UserID"},
    ),
    "count 0": (manual("agent1", 0), {"data.NumberOfContactsRequired"}),
    "count 101": (manual("agent1", 101), {"data.NumberOfContactsRequired"}),
    "count -1": (manual("agent1", -1), {"data.NumberOfContactsRequired"}),
    "count true": (manual("agent1", count=True), {"data.NumberOfContactsRequired"}),
    "consent maybe": (manual("agent1", consent="maybe"), {"data.Consent"}),
    "outcome -1": (skip("agent1", "1", outcome=-1), {"data.OutcomeId"}),
    "outcome huge": (skip("agent1", "1", outcome=10**400), {"data.OutcomeId"}),
    "an account of 257": (skip("agent1", "a" * 257), {"data.AccountNumber"}),
    "two digits": (dial("12"), {"data.PhoneNumber"}),
    "letters": (dial("0800 FLOWERS 123"), {"data.PhoneNumber"}),
    "other digits": (dial("\u0661\u0662\u0663\u0664"), {"data.PhoneNumber"}),
    "an entity bomb": (create(Modes=BOMB), {"data.Modes"}),
    "an external entity": (create(BussinessFields=EXTERNAL), {"data.BussinessFields"}),
    "broken XML": (create(BussinessFields="<Data><a></Data>"), {"data.BussinessFields"}),
    "another root": (create(Modes="<Daten/>"), {"data.Modes"}),
    "XML too long": (create(Modes=f"<Data>{'x' * 70_000}</Data>"), {"data.Modes"}),
    "XML nested deep": (create(Modes="<Data>" + "<a>" * 20_000), {"data.Modes"}),
    "JSON with a bad name": (create(Modes={"a b": "x"}), {"data.Modes"}),
    "a character of 5,000 digits": (dial(f"&#{'9' * 5000};"), {"data.PhoneNumber"}),
    "the 31st of February": (create(callStartDateTime="31/02/2024 07:33"), {"data.callStartDateTime"}),
    "end before start": (create(callEndDateTime="24/10/2024 07:32"), {"data.callEndDateTime"}),
    "call type 3": (create(Calltype="3"), {"data.Calltype"}),
    "a fraction": (create(Status=4.5), {"data.Status"}),
    "all of creation wrong": (
        envelope("CreateContact", {name: ["x"] for name in CREATION}),
        {f"data.{name}" for name in CREATION},
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_wrong_data(site: Site, name: str) -> None:
    """Wrong data is INVALID_DATA on the reply's own subtopic, every wrong field in details at once."""
    body, fields = WRONG[name]

    reply = await site.widget.ask(body)

    assert ("INVALID_DATA", False) == (reply.error_type, reply.response["retryable"])
    assert fields == {detail["field"] for detail in reply.response["details"]}
    assert reply.body["subtopic"] != "ApiError"
    assert "root:" not in reply.message.body.decode()


async def test_none_of_it_is_lost_without_a_reply_to(site: Site) -> None:
    """The same requests without a reply_to: as many dead letters as were sent, each under its own id."""
    bodies: list[Any] = [*UNREADABLE.values(), *(body for body, _ in WRONG.values())]
    ids = [f"bad-{number}" for number in range(len(bodies))]

    for body, correlation_id in zip(bodies, ids, strict=True):
        await site.widget.publish(body, correlation_id=correlation_id)

    letters = [await site.widget.dead_letter() for _ in bodies]
    assert {"failure-without-reply-to"} == {letter.headers["x-reason"] for letter in letters}
    assert sorted(ids) == sorted(str(letter.correlation_id) for letter in letters)


async def test_the_worker_went_on(site: Site, reconnects: float) -> None:
    """After all that it answers a good request on the connections it began with."""
    agent = name_of_letters()
    add_contact(site.simulator, agent, kind="od")

    reply = await site.widget.ask(od(agent))

    assert "ContactOD" == reply.body["subtopic"]
    assert reconnects == await site.worker.metric("lcm_bridge_amqp_reconnects_total")
    assert [] == site.worker.events("request.internal_error")
    assert [] == site.widget.unexpected
