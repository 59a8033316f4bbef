"""The ledger's records: their names, and what somebody else, or another version, may have written there."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from store.ledger_bench import CONTENT, DONE, KEY, ledger_bench

from bridge.demo.servers import PrivateRedis
from bridge.messages import KeySource, RequestKey
from bridge.ports import CutOff, LedgerKey
from bridge.store.records import record_name

GOOD = {"v": "1", "state": "running", "owner": "o", "digest": "d", "at": "1000", "lease": "1000"}
FOREIGN: dict[str, dict[str, str]] = {
    "of a newer version": GOOD | {"v": "2"},
    "without a version": {name: value for name, value in GOOD.items() if name != "v"},
    "of an unknown state": GOOD | {"state": "paused"},
    "of no state": {name: value for name, value in GOOD.items() if name != "state"},
    "of no owner": {name: value for name, value in GOOD.items() if name != "owner"},
    "of no content": {name: value for name, value in GOOD.items() if name != "digest"},
    "without a time": {name: value for name, value in GOOD.items() if name != "at"},
    "with no lease": {name: value for name, value in GOOD.items() if name != "lease"},
    "with a wrong lease": GOOD | {"lease": "inf"},
    "with a wrong time": GOOD | {"at": "nan"},
    "of something else": {"a": "\x00"},
}
SOURCES: tuple[KeySource, ...] = ("header", "message-id", "reply-address")
KEYS = st.builds(
    LedgerKey,
    st.sampled_from(["SkipManualDialContact", "CreateContact"]),
    st.builds(
        RequestKey,
        st.sampled_from(SOURCES),
        st.lists(st.text(alphabet='a",[]\\ \0é', max_size=4), min_size=1, max_size=2).map(tuple),
    ),
)


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
async def test_a_record_that_cannot_be_read_leads_to_no_call(
    redis_server: PrivateRedis, fields: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts as cut off, is left as it is whatever happens, and the log names it."""
    async with ledger_bench(redis_server.url) as bench:
        claim = await bench.claim()
        client, name = bench.store.client, record_name(bench.prefix, KEY)
        await client.delete(name)
        await client.hset(name, mapping=fields)  # type: ignore[arg-type]
        before = await client.hgetall(name)
        found = [await bench.ledger.claim(KEY, CONTENT) for _ in range(2)]
        await bench.ledger.renew_older_than(0)
        await bench.ledger.complete(claim, DONE)
        await bench.ledger.release(claim)
        with pytest.raises(ValueError, match="cannot be read"):
            await bench.records.settle_by_hand(KEY, DONE)

        assert [CutOff, CutOff] == [type(each) for each in found]
        assert "unreadable" == await bench.state()
        assert before == await client.hgetall(name)
        assert name in capsys.readouterr().out
        await client.delete(name)


async def test_a_key_of_another_kind_leads_to_no_call(redis_server: PrivateRedis) -> None:
    """A string stands where a record should be: it counts as cut off, and Redis is not away."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.store.client.set(record_name(bench.prefix, KEY), "foreign", ex=1000)

        assert isinstance(await bench.ledger.claim(KEY, CONTENT), CutOff)
        assert "unreadable" == await bench.state()
        assert bench.store.connected


@pytest.mark.parametrize(
    "reply",
    [
        *(b"", b"\xff", b"[]", b'{"failure":{"errorType":"NEW_ONE"}}', b'{"message":{}}', b'{"message":[]}'),
        b'{"message":{"response":1},"failure":{}}',
        b'{"message":{"response":' + b"[" * 200 + b"]" * 200 + b"}}",
        b'{"failure":{"errorType":"WS_Error","errorMessage":[],"msg":"no"}}',
    ],
)
async def test_a_reply_that_cannot_be_read_leads_to_no_call(redis_server: PrivateRedis, reply: bytes) -> None:
    """A later version may store failures that this one does not know; nor is half a reply a success."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.complete(await bench.claim(), DONE)
        record = await bench.records.look(KEY)
        await bench.store.client.hset(record_name(bench.prefix, KEY), "reply", reply)

        assert record
        assert CutOff(record.claimed_at) == await bench.ledger.claim(KEY, CONTENT)


async def test_no_name_tells_of_the_request(redis_server: PrivateRedis) -> None:
    """Keys, and all that a record holds beside the reply, are digests, times and random."""
    key = LedgerKey("SkipManualDialContact", RequestKey("reply-address", ("queue-of-anna", "+4930123")))
    async with ledger_bench(redis_server.url) as bench:
        await bench.claim(key, '{"PhoneNumber":"+4930456","UserID":"anna"}')
        [name] = await bench.names()
        everything = name + repr(await bench.store.client.hgetall(name)).encode()

    assert f"{bench.prefix}:ledger:".encode() == name[:-64]
    assert [] == [word for word in (b"anna", b"30123", b"30456", b"Skip") if word in everything]


@settings(max_examples=300, deadline=None)
@given(one=KEYS, other=KEYS)
@example(
    one=LedgerKey("CreateContact", RequestKey("header", ("a",))),
    other=LedgerKey("CreateContact", RequestKey("message-id", ("a",))),
)
@example(
    one=LedgerKey("CreateContact", RequestKey("reply-address", ("a b", "c"))),
    other=LedgerKey("CreateContact", RequestKey("reply-address", ("a", "b c"))),
)
def test_distinct_keys_have_distinct_records(one: LedgerKey, other: LedgerKey) -> None:
    """The operation, where the key stood, and each part of it tell side effects apart."""
    assert (one == other) == (record_name("p", one) == record_name("p", other))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=KEYS, content=st.text(alphabet=st.characters(), max_size=5))
async def test_any_key_and_content_can_be_claimed(
    redis_server: PrivateRedis, key: LedgerKey, content: str
) -> None:
    """Also text that is no UTF-8."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.complete(await bench.claim(key, content), DONE)

        assert "done" == await bench.state(key)
