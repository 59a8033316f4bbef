"""How a ledger behaves, whatever kind of Redis it stands on. Each kind inherits these tests."""

import asyncio
import time
from typing import Any

import pytest
from store.ledger_bench import CONTENT, DONE, KEY, REFUSED, SKIPPED, UNKNOWN, ledger_bench
from store.store_servers import ACCOUNT, AGENT, contact

from bridge.endings import Ending
from bridge.failures import LcmUnavailable
from bridge.messages import RequestKey
from bridge.operations.model import Reserved
from bridge.ports import CacheChange, Claim, CutOff, Ended, LedgerKey, Mismatch, Running
from bridge.store.ledger_scripts import RELEASED_MS
from bridge.store.records import record_name

RESERVED = Reserved("manual", 10, "Yes")


class LedgerBasics:
    """What is shown for every kind of URL."""

    async def test_a_key_is_claimed_once_and_then_answered(self, redis_url: str) -> None:
        """While it runs others learn so, and afterwards how it ended."""
        async with ledger_bench(redis_url, lease=20) as bench:
            claim = await bench.claim()
            meanwhile = await bench.ledger.claim(KEY, CONTENT)
            recorded = await bench.ledger.complete(claim, DONE)

            assert isinstance(meanwhile, Running)
            assert 0 < meanwhile.lease_left <= 20
            assert recorded
            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)
            assert (1, 1) == (bench.count("claimed"), bench.count("replayed"))
            assert 1 == len(await bench.names())

    async def test_a_hundred_at_once_get_one_claim(self, redis_url: str) -> None:
        """However many ask for the same key at once, from several processes: one may call."""
        async with ledger_bench(redis_url) as one, ledger_bench(redis_url, one.prefix) as two:
            found = await asyncio.gather(
                *[bench.ledger.claim(KEY, CONTENT) for bench in (one, two) for _ in range(50)]
            )

        assert 1 == sum(isinstance(each, Claim) for each in found)
        assert 99 == sum(isinstance(each, Running) for each in found)

    async def test_a_skip_leaves_the_cache_with_the_record(self, redis_url: str) -> None:
        """Once complete has returned, the cache does not offer the contact."""
        async with ledger_bench(redis_url) as bench:
            await bench.contacts.keep(AGENT, "manual", [contact()], asked=time.time(), reserved=RESERVED)
            claim = await bench.claim()
            assert await bench.ledger.complete(claim, DONE, SKIPPED)

            assert not await bench.contacts.holds(AGENT, ACCOUNT)
            assert "done" == await bench.state()

    async def test_new_contacts_join_the_cache_with_the_record(self, redis_url: str) -> None:
        """What LCM reserved for the agent is found there afterwards."""
        change = CacheChange(agent=AGENT, shelf="manual", contacts=[contact()], asked=time.time())
        async with ledger_bench(redis_url) as bench:
            assert await bench.ledger.complete(await bench.claim(), DONE, change)

            assert await bench.contacts.holds(AGENT, ACCOUNT)
            assert "done" == await bench.state()

    async def test_leases_are_renewed(self, redis_url: str) -> None:
        """What runs on keeps its claims, however many; what was abandoned does not."""
        keys = [LedgerKey("CreateContact", RequestKey("message-id", (str(number),))) for number in range(20)]
        async with ledger_bench(redis_url) as bench:
            claims = [await bench.claim(key) for key in keys]
            for key in keys:
                await bench.lapse(key)
            bench.ledger.abandon(claims[0])
            await bench.ledger.renew_older_than(0)

            found = [await bench.ledger.claim(key, CONTENT) for key in keys]
        assert isinstance(found[0], CutOff)
        assert {Running} == {type(each) for each in found[1:]}

    async def test_a_redis_that_forgot_the_scripts_is_told_again(self, redis_url: str) -> None:
        """After a failover or SCRIPT FLUSH everything works as before."""
        async with ledger_bench(redis_url) as bench:
            flush = bench.store.client.script_flush
            await flush()
            claim = await bench.claim()
            await flush()
            await bench.ledger.renew_older_than(0)
            await flush()
            assert await bench.ledger.complete(claim, DONE, SKIPPED)
            await flush()
            assert "done" == await bench.state()
            other = LedgerKey("CreateContact", KEY.request)
            await flush()
            await bench.ledger.release(await bench.claim(other))
            await flush()
            assert "done" == await bench.records.settle_by_hand(other, DONE)


class LedgerSuite(LedgerBasics):
    """Every way in which a claim may go on."""

    async def test_other_content_is_a_mismatch_in_every_state(self, redis_url: str) -> None:
        """A key stands for one content: while it runs, done, cut off, and settled."""
        async with ledger_bench(redis_url) as bench:
            found: list[Any] = []
            claim = await bench.claim()
            found.append(await bench.ledger.claim(KEY, "other"))
            await bench.lapse()
            found.append(await bench.ledger.claim(KEY, "other"))
            await bench.ledger.claim(KEY, CONTENT)
            found.append(await bench.ledger.claim(KEY, "other"))
            await bench.records.settle_by_hand(KEY, None)
            found.append(await bench.ledger.claim(KEY, "other"))
            await bench.ledger.complete(claim, DONE)
            found.append(await bench.ledger.claim(KEY, "other"))

            assert [Mismatch()] * 5 == found
            assert 5 == bench.count("mismatch")

    async def test_an_expired_lease_is_cut_off_and_never_claimed_again(self, redis_url: str) -> None:
        """Its worker may have died after the call: nobody calls again, and everybody learns since when."""
        async with ledger_bench(redis_url) as bench:
            await bench.claim()
            record = await bench.records.look(KEY)
            await bench.lapse()
            found = [await bench.ledger.claim(KEY, CONTENT) for _ in range(2)]

            assert record
            assert [CutOff(record.claimed_at)] * 2 == found
            assert "unknown" == await bench.state()
            assert 2 == bench.count("unknown")

    async def test_with_retry_what_was_cut_off_is_claimed_again(self, redis_url: str) -> None:
        """For an LCM front that recognises the key: one of those who ask gets the claim."""
        async with ledger_bench(redis_url, unknown_outcome="retry") as bench:
            first = await bench.claim()
            await bench.lapse()
            second = await bench.claim()
            assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)
            assert await bench.ledger.complete(first, REFUSED)  # too late: it is somebody else's now
            assert await bench.ledger.complete(second, DONE)

            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)

    async def test_a_late_owner_records_and_learns_that_others_were_told(self, redis_url: str) -> None:
        """Its lease ran out and somebody noticed: the ending counts from then on, and it stays late."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            await bench.lapse()
            assert isinstance(await bench.ledger.claim(KEY, CONTENT), CutOff)
            assert [False, False] == [await bench.ledger.complete(claim, DONE) for _ in range(2)]

            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)

    async def test_an_expired_lease_that_nobody_noticed_is_not_late(self, redis_url: str) -> None:
        """Nobody was told that it was cut off."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            await bench.lapse()

            assert await bench.ledger.complete(claim, DONE)

    async def test_an_unknown_outcome_is_kept_as_cut_off(self, redis_url: str) -> None:
        """Its owner itself does not know: others learn that, people see why, and no call follows."""
        async with ledger_bench(redis_url, unknown_retention=5000, retention=1000) as bench:
            claim = await bench.claim()
            assert [True, True] == [await bench.ledger.complete(claim, UNKNOWN) for _ in range(2)]
            assert isinstance(await bench.ledger.claim(KEY, CONTENT), CutOff)
            record = await bench.records.look(KEY)

            assert record
            assert record.ending
            assert ("unknown", UNKNOWN.dump()) == (record.state, record.ending.dump())
            assert 4900 < await bench.seconds_kept() <= 5000

    async def test_the_first_ending_stays(self, redis_url: str) -> None:
        """What was told once is told for ever."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            await bench.ledger.complete(claim, DONE)
            await bench.ledger.complete(claim, REFUSED)
            await bench.ledger.release(claim)

            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)

    async def test_a_failure_is_given_back_as_it_was(self, redis_url: str) -> None:
        """Type, both texts."""
        async with ledger_bench(redis_url) as bench:
            await bench.ledger.complete(await bench.claim(), REFUSED)
            found = await bench.ledger.claim(KEY, CONTENT)

            assert isinstance(found, Ended)
            assert REFUSED.dump() == found.ending.dump()

    async def test_a_failure_that_is_not_to_be_stored_is_refused(self, redis_url: str) -> None:
        """A retryable failure releases; to complete with it is a mistake, and its claim counts as cut off."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            with pytest.raises(ValueError, match="is released"):
                await bench.ledger.complete(claim, Ending(LcmUnavailable("away")))
            await bench.ledger.settle()
            assert "running" == await bench.state()
            await bench.lapse()
            await bench.ledger.renew_older_than(0)

            assert isinstance(await bench.ledger.claim(KEY, CONTENT), CutOff)

    async def test_a_released_key_is_free_for_any_content(self, redis_url: str) -> None:
        """There was no effect: it is as if nothing had been asked; its trace leaves soon."""
        async with ledger_bench(redis_url) as bench:
            await bench.ledger.release(await bench.claim())
            assert await bench.state() is None
            assert 0 < await bench.seconds_kept() <= RELEASED_MS / 1000

            await bench.claim(content="other")
            assert 1 == bench.count("released")

    async def test_why_it_was_released_is_told_again_to_a_repeated_delivery(self, redis_url: str) -> None:
        """Its requester was told that there was no effect; whoever sends it anew claims it."""
        async with ledger_bench(redis_url) as bench:
            await bench.ledger.release(await bench.claim(), LcmUnavailable("away"))
            found = await bench.ledger.claim(KEY, CONTENT, repeated=True)

            assert isinstance(found, Ended)
            assert Ending(LcmUnavailable("away")).dump() == found.ending.dump()
            await bench.claim()

    async def test_a_release_that_nobody_is_told_of_binds_nobody(self, redis_url: str) -> None:
        """A request that nobody waits for is tried again when it comes back."""
        async with ledger_bench(redis_url) as bench:
            await bench.ledger.release(await bench.claim())

            assert isinstance(await bench.ledger.claim(KEY, CONTENT, repeated=True), Claim)

    async def test_who_lost_the_claim_can_still_release_it(self, redis_url: str) -> None:
        """Somebody was told that it was cut off, but its owner knows that there was no effect."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            await bench.lapse()
            await bench.ledger.claim(KEY, CONTENT)
            await bench.ledger.release(claim)

            await bench.claim()

    async def test_nobody_ends_anothers_claim(self, redis_url: str) -> None:
        """A stranger's completion and release change nothing."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            stranger = Claim(KEY, "stranger")
            await bench.ledger.complete(stranger, REFUSED)
            await bench.ledger.release(stranger)
            assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)
            assert await bench.ledger.complete(claim, DONE)

            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)

    async def test_what_others_were_told_is_not_taken_back(self, redis_url: str) -> None:
        """A release changes neither what its owner said before, nor what a person did."""
        async with ledger_bench(redis_url) as bench:
            claim, states = await bench.claim(), []
            await bench.ledger.complete(claim, UNKNOWN)
            for settled in (False, True):
                if settled:
                    await bench.records.settle_by_hand(KEY, None)
                await bench.ledger.release(claim)
                states.append(await bench.state())

            assert ["unknown", "open"] == states

    async def test_a_record_that_redis_forgot_is_written_again(self, redis_url: str) -> None:
        """A failover may forget a claim: renewal brings it back, and so does completion."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            name = record_name(bench.prefix, KEY)
            await bench.store.client.delete(name)
            await bench.ledger.renew_older_than(0)
            assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)
            await bench.store.client.delete(name)
            assert await bench.ledger.complete(claim, DONE)

            assert Mismatch() == await bench.ledger.claim(KEY, "other")
            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)
            assert bench.settings.retention - 60 < await bench.seconds_kept()

    async def test_every_record_expires(self, redis_url: str) -> None:
        """A claim is kept longest: losing it would allow a second call. A reply is kept for repetitions."""
        async with ledger_bench(redis_url, retention=1000, unknown_retention=5000) as bench:
            claim = await bench.claim()
            running = await bench.seconds_kept()
            await bench.ledger.complete(claim, DONE)
            done = await bench.seconds_kept()

        assert 4900 < running <= 5000
        assert 900 < done <= 1000
