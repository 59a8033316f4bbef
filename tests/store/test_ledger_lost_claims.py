"""A claim whose answer does not come: given back, and in nobody's way later."""

import asyncio

import pytest
from store.ledger_bench import CONTENT, DONE, KEY, LedgerBench, Valve, impatient_ledger, ledger_bench, warm_up
from store.store_servers import reached, until

from bridge.ports import Running, StoreUnavailable


async def claim_in_vain(bench: LedgerBench, valve: Valve) -> None:
    """Have the answer to a claim get lost; Redis is reached again then."""
    valve.shut = True
    with pytest.raises(StoreUnavailable):
        await bench.ledger.claim(KEY, CONTENT)
    valve.shut = False
    await reached(bench.store)


async def test_a_claim_whose_answer_was_lost_is_given_back(valve: Valve) -> None:
    """Redis has written it, and nobody knows: it does not count as cut off later."""
    async with impatient_ledger(valve.url) as bench:
        await claim_in_vain(bench, valve)
        written = await bench.state()
        await bench.ledger.settle()

        assert ("running", None) == (written, await bench.state())
        await bench.claim()


async def test_a_claim_that_was_cancelled_is_given_back(valve: Valve) -> None:
    """Its request is given up while Redis is asked."""
    async with impatient_ledger(valve.url) as bench:
        said = len(valve.said)
        valve.shut = True
        claiming = asyncio.create_task(bench.ledger.claim(KEY, CONTENT))
        await until(lambda: len(valve.said) > said)
        claiming.cancel()
        await asyncio.gather(claiming, return_exceptions=True)
        valve.shut = False
        assert "running" == await bench.state()

        await bench.ledger.settle()
        assert await bench.state() is None


async def test_the_next_claim_does_not_meet_its_own_ghost(valve: Valve) -> None:
    """The lost claim is given back before the key is claimed again, even if nothing was settled yet."""
    async with impatient_ledger(valve.url) as bench:
        await claim_in_vain(bench, valve)

        await bench.claim()
        await bench.ledger.settle()
        assert isinstance(await bench.ledger.claim(KEY, CONTENT), Running)


async def test_a_late_copy_of_a_released_claim_claims_nothing(valve: Valve) -> None:
    """The network delivers a claim again after its release: it would count as cut off for ever."""
    async with ledger_bench(valve.url) as bench:
        await warm_up(bench)
        claim = await bench.claim()
        copy = valve.said[-1]
        assert claim.owner.encode() in copy
        await bench.ledger.release(claim)
        await valve.repeat(copy)
        assert await bench.state() is None

        assert await bench.ledger.complete(await bench.claim(), DONE)
        await valve.repeat(copy)
        assert "done" == await bench.state()
