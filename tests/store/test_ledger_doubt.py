"""A claim on what was cut off before (``unknown_outcome = retry``): LCM may have acted on an earlier one."""

from store.ledger_bench import CONTENT, DONE, KEY, UNKNOWN, LedgerBench, ledger_bench

from bridge.demo.servers import PrivateRedis
from bridge.ports import Claim, Ended


async def doubtful(bench: LedgerBench) -> Claim:
    """Claim what was cut off."""
    await bench.claim()
    await bench.lapse()
    return await bench.claim()


async def test_only_what_was_cut_off_is_doubtful(redis_server: PrivateRedis) -> None:
    """Also if its worker said so; not what was given back, nor what a person found not to have happened."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        first = await bench.claim()
        await bench.ledger.release(first)
        second = await bench.claim()
        await bench.ledger.complete(second, UNKNOWN)
        third = await bench.claim()
        await bench.ledger.complete(third, UNKNOWN)
        await bench.records.settle_by_hand(KEY, None)
        fourth = await bench.claim()

    assert [False, False, True, False] == [claim.doubtful for claim in (first, second, third, fourth)]


async def test_given_back_it_is_cut_off_again(redis_server: PrivateRedis) -> None:
    """Whoever claims it next learns it too, at once; and where nobody calls again it stays unknown."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        claim = await doubtful(bench)
        await bench.ledger.release(claim)
        released = await bench.state()
        again = await bench.claim()
        kept = await bench.seconds_kept()

        assert ("unknown", True) == (released, again.doubtful)
        assert bench.settings.unknown_retention - 60 < kept


async def test_nobody_else_gives_it_back(redis_server: PrivateRedis) -> None:
    """A stranger's release leaves it running."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        await doubtful(bench)
        await bench.ledger.release(Claim(KEY, "stranger"))

        assert "running" == await bench.state()


async def test_a_late_release_frees_nothing(redis_server: PrivateRedis) -> None:
    """Its lease has run out, and others were told that it was cut off."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        claim = await doubtful(bench)
        await bench.lapse()
        async with ledger_bench(redis_server.url, bench.prefix) as other:
            await other.ledger.claim(KEY, CONTENT)
        await bench.ledger.release(claim)

        assert "unknown" == await bench.state()


async def test_its_ending_settles_it(redis_server: PrivateRedis) -> None:
    """Completed, it is like any other."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        assert await bench.ledger.complete(await doubtful(bench), DONE)

        assert Ended(DONE) == await bench.ledger.claim(KEY, CONTENT)


async def test_a_renewed_one_stays_doubtful(redis_server: PrivateRedis) -> None:
    """The renewal changes the lease alone."""
    async with ledger_bench(redis_server.url, unknown_outcome="retry") as bench:
        claim = await doubtful(bench)
        await bench.ledger.renew_older_than(0)
        await bench.ledger.release(claim)

        assert "unknown" == await bench.state()
