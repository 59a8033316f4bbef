"""What a person may say of a side effect, whatever kind of Redis the ledger stands on."""

import pytest
from store.ledger_bench import CONTENT, DONE, KEY, REFUSED, UNKNOWN, ledger_bench

from bridge.endings import Ending
from bridge.failures import LcmUnavailable
from bridge.ports import Claim, Ended, Running


class SettlingSuite:
    """That it happened, that it did not, or that it is to be tried again."""

    async def test_a_person_says_how_it_ended(self, redis_url: str) -> None:
        """Repetitions are told so from then on; a late owner changes nothing and learns that it is late."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            await bench.lapse()
            assert "done" == await bench.records.settle_by_hand(KEY, REFUSED)
            assert not await bench.ledger.complete(claim, DONE)
            found = await bench.ledger.claim(KEY, CONTENT)

            assert isinstance(found, Ended)
            assert REFUSED.dump() == found.ending.dump()

    async def test_a_person_says_that_it_did_not_happen(self, redis_url: str) -> None:
        """Then it may be claimed again, once."""
        async with ledger_bench(redis_url) as bench:
            await bench.ledger.complete(await bench.claim(), UNKNOWN)
            assert "open" == await bench.records.settle_by_hand(KEY, None)
            assert "open" == await bench.state()
            await bench.claim()

            assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)

    async def test_an_owner_that_was_thought_dead_closes_an_open_record(self, redis_url: str) -> None:
        """A person found that it did not happen, and then it ended after all: nobody calls again."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            await bench.lapse()
            await bench.records.settle_by_hand(KEY, None)
            await bench.ledger.renew_older_than(0)
            assert "open" == await bench.state()
            assert not await bench.ledger.complete(claim, DONE)

            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)

    async def test_what_nobody_knows_can_be_settled(self, redis_url: str) -> None:
        """Its record has expired: a person's word stands for any content."""
        async with ledger_bench(redis_url) as bench:
            assert await bench.records.look(KEY) is None
            await bench.records.settle_by_hand(KEY, DONE)

            assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)
            assert 1 == len(await bench.names())

    @pytest.mark.parametrize("ending", [DONE, None])
    async def test_what_has_ended_or_runs_is_not_settled(self, redis_url: str, ending: Ending | None) -> None:
        """A person is told why, and nothing changes."""
        async with ledger_bench(redis_url) as bench:
            claim = await bench.claim()
            with pytest.raises(ValueError, match="still running"):
                await bench.records.settle_by_hand(KEY, ending)
            assert "running" == await bench.state()
            await bench.ledger.complete(claim, REFUSED)
            with pytest.raises(ValueError, match="nothing to settle"):
                await bench.records.settle_by_hand(KEY, ending)
            found = await bench.ledger.claim(KEY, CONTENT)

            assert isinstance(found, Ended)
            assert REFUSED.dump() == found.ending.dump()

    async def test_what_was_released_can_be_reopened(self, redis_url: str) -> None:
        """A person sends it again: what its requester was told does not answer that."""
        async with ledger_bench(redis_url) as bench:
            await bench.ledger.release(await bench.claim(), LcmUnavailable("away"))
            reopened = [await bench.records.reopen(KEY) for _ in range(2)]

            assert [True, False] == reopened
            assert isinstance(await bench.ledger.claim(KEY, CONTENT, repeated=True), Claim)
