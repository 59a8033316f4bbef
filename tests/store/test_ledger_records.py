"""The ledger's records: their names, and what somebody else, or another version, may have written there."""

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from store.ledger_bench import CONTENT, DONE, KEY, REFUSED, UNKNOWN, ledger_bench

from bridge.demo.servers import PrivateRedis
from bridge.endings import Ending
from bridge.failures import LcmUnavailable
from bridge.messages import KeySource, RequestKey
from bridge.ports import Claim, CutOff, Ended, LedgerKey, Mismatch
from bridge.store.ledger_scripts import FORGET
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
    "of a time before all times": GOOD | {"at": "-1"},
    "of a time after all times": GOOD | {"at": "1e15"},
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
        told = capsys.readouterr().out
        await bench.ledger.renew_older_than(0)
        await bench.ledger.complete(claim, DONE)
        await bench.ledger.release(claim)
        with pytest.raises(ValueError, match="cannot be read"):
            await bench.records.settle_by_hand(KEY, DONE)

        assert all(isinstance(each, CutOff) and 1 <= each.since <= time.time() for each in found)
        assert "unreadable" == await bench.state()
        assert before == await client.hgetall(name)
        assert name in told
        await client.delete(name)


async def test_a_key_of_another_kind_leads_to_no_call(redis_server: PrivateRedis) -> None:
    """A string stands where a record should be: it counts as cut off just now, and Redis is not away."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.store.client.set(record_name(bench.prefix, KEY), "foreign", ex=1000)
        before = time.time()
        found = await bench.ledger.claim(KEY, CONTENT)

        assert isinstance(found, CutOff)
        assert before <= found.since <= time.time()
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
async def test_a_reply_that_cannot_be_read_leads_to_no_call(
    redis_server: PrivateRedis, reply: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """A later version may store failures that this one does not know; nor is half a reply a success."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.complete(await bench.claim(), DONE)
        record = await bench.records.look(KEY)
        await bench.store.client.hset(record_name(bench.prefix, KEY), "reply", reply)

        assert record
        assert CutOff(record.claimed_at) == await bench.ledger.claim(KEY, CONTENT)
        assert ("unreadable" if reply else "done") == await bench.state()
        assert "ledger.unreadable_record" in capsys.readouterr().out


async def test_only_what_cannot_be_read_is_told_of(
    redis_server: PrivateRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    """That a claim was cut off is no fault of its record."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.claim()
        await bench.lapse()
        await bench.ledger.claim(KEY, CONTENT)

    assert "ledger.unreadable_record" not in capsys.readouterr().out


async def test_people_see_who_claimed_it_and_when(redis_server: PrivateRedis) -> None:
    """By Redis's clock, which is this machine's here; when it has ended, still."""
    async with ledger_bench(redis_server.url, lease=20) as bench:
        before = time.time()
        claim = await bench.claim()
        record = await bench.records.look(KEY)
        after = time.time()
        await bench.store.client.hset(record_name(bench.prefix, KEY), "at", "1000")
        await bench.ledger.complete(claim, DONE)
        ended = await bench.records.look(KEY)

    assert record
    assert ended
    assert before - 0.001 <= record.claimed_at <= after
    assert 0 < record.lease_left <= 20
    assert ("running", claim.owner, None) == (record.state, record.owner, record.ending)
    assert (claim.owner, 1, 0) == (ended.owner, ended.claimed_at, ended.lease_left)


async def test_what_was_given_back_is_settled_for_any_content(redis_server: PrivateRedis) -> None:
    """It is as if nothing had been asked: nor is there an owner who would be late."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.release(await bench.claim())
        await bench.records.settle_by_hand(KEY, DONE)
        record = await bench.records.look(KEY)

        assert Ended(DONE) == await bench.ledger.claim(KEY, "other")
        assert record
        assert "" == record.owner


async def test_what_a_person_said_is_kept_as_long_as_what_a_worker_said(redis_server: PrivateRedis) -> None:
    """That it did not happen for as long as an unknown outcome: it must not be forgotten before that."""
    async with ledger_bench(redis_server.url, retention=1000, unknown_retention=5000) as bench:
        claim = await bench.claim()
        await bench.ledger.complete(claim, UNKNOWN)
        since = await bench.records.look(KEY)
        await bench.records.settle_by_hand(KEY, None)
        kept = [await bench.seconds_kept()]
        await bench.records.settle_by_hand(KEY, REFUSED)
        kept.append(await bench.seconds_kept())
        assert await bench.records.reopen(KEY)
        kept.append(await bench.seconds_kept())
        opened = await bench.records.look(KEY)

        assert [5000, 1000, 5000] == [round(seconds, -2) for seconds in kept]
        assert since
        assert opened
        assert ("open", since.claimed_at, claim.owner) == (opened.state, opened.claimed_at, opened.owner)
        assert Mismatch() == await bench.ledger.claim(KEY, "other")
        assert not await bench.ledger.complete(claim, DONE)


@pytest.mark.parametrize("ending", [DONE, UNKNOWN])
async def test_only_a_failure_is_reopened(redis_server: PrivateRedis, ending: Ending) -> None:
    """What succeeded, or may have, is not carried out again; nor is what nobody knows opened."""
    async with ledger_bench(redis_server.url) as bench:
        nothing = await bench.records.reopen(KEY)
        await bench.ledger.complete(await bench.claim(), ending)
        before = await bench.state()

        assert (False, False) == (nothing, await bench.records.reopen(KEY))
        assert before == await bench.state()


async def test_why_it_was_released_is_no_answer_to_other_content(redis_server: PrivateRedis) -> None:
    """A repeated delivery of another request is carried out."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.release(await bench.claim(), LcmUnavailable("away"))

        assert isinstance(await bench.ledger.claim(KEY, "other", repeated=True), Claim)


async def test_why_it_was_released_is_told_though_redis_forgot_the_claim(redis_server: PrivateRedis) -> None:
    """There was no effect, and its requester was told so."""
    async with ledger_bench(redis_server.url) as bench:
        claim = await bench.claim()
        await bench.store.client.delete(record_name(bench.prefix, KEY))
        await bench.ledger.release(claim, LcmUnavailable("away"))
        found = await bench.ledger.claim(KEY, CONTENT, repeated=True)

        assert isinstance(found, Ended)
        assert Ending(LcmUnavailable("away")).dump() == found.ending.dump()


async def test_why_it_was_released_is_kept_as_long_as_any_answer(redis_server: PrivateRedis) -> None:
    """The broker may deliver again much later."""
    async with ledger_bench(redis_server.url, retention=1000) as bench:
        await bench.ledger.release(await bench.claim(), LcmUnavailable("away"))

        assert 900 < await bench.seconds_kept() <= 1000


async def test_an_ending_that_redis_had_forgotten_can_become_known(redis_server: PrivateRedis) -> None:
    """Its owner is its owner still: unknown first, and the truth later, which others were not told."""
    async with ledger_bench(redis_server.url) as bench:
        claim = Claim(KEY, "owner")
        assert await bench.ledger.complete(claim, UNKNOWN)
        assert not await bench.ledger.complete(claim, DONE)

        assert Ended(DONE) == await bench.ledger.claim(KEY, "any content")


async def test_a_late_owner_that_does_not_know_either_says_why(redis_server: PrivateRedis) -> None:
    """Others had been told that it was cut off; people see what its worker said, and so does a repetition."""
    async with ledger_bench(redis_server.url) as bench:
        claim = await bench.claim()
        await bench.lapse()
        await bench.ledger.claim(KEY, CONTENT)
        assert not await bench.ledger.complete(claim, UNKNOWN)
        record = await bench.records.look(KEY)

        assert record
        assert record.ending
        assert UNKNOWN.dump() == record.ending.dump()
        assert isinstance(await bench.ledger.claim(KEY, CONTENT, repeated=True), CutOff)


async def test_an_ending_is_recorded_where_another_claim_was_given_back(redis_server: PrivateRedis) -> None:
    """Redis forgot the claim, somebody else had it meanwhile without effect: what was done is known."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.release(await bench.claim())
        assert await bench.ledger.complete(Claim(KEY, "another"), DONE)

        assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)


async def test_a_reply_that_changed_meanwhile_is_not_erased(redis_server: PrivateRedis) -> None:
    """What mentioned somebody is replaced, not what came after it."""
    async with ledger_bench(redis_server.url) as bench:
        await bench.ledger.complete(await bench.claim(), DONE)
        forget, name = bench.store.client.register_script(FORGET), record_name(bench.prefix, KEY)
        await forget(keys=[name], args=[REFUSED.dump(), b"other"])
        kept = await bench.store.client.hget(name, "reply")
        await forget(keys=[name], args=[DONE.dump(), REFUSED.dump()])

        assert (DONE.dump(), REFUSED.dump()) == (kept, await bench.store.client.hget(name, "reply"))


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
