"""The chaos suite in short: a dozen faults under load, and the sums hold. `make chaos` is the long form."""

from chaos.run import Plan, run

FAULTS = (
    "same request twice",
    "worker killed",
    "all connections cut",
    "lcm cuts off",
    "redis killed",
    "broker killed",
    "worker terminated",
    "requester gone",
    "lcm refuses",
    "empty queue deleted",
)


async def test_nothing_is_lost_done_twice_or_told_wrongly() -> None:
    """Clients, workers, broker, Redis and LCM fail one after the other; every request ends as promised."""
    printed: list[str] = []
    plan = Plan(seed=1, requests=600, rate=40, rounds=1, faults=FAULTS, pause=(0.3, 0.8))

    outcome = await run(plan, printed.append)

    assert dict.fromkeys(outcome.sums.faults(), 0) == outcome.sums.faults(), "\n".join(printed)
    assert outcome.passed, "\n".join(printed)


async def test_the_sums_tell_of_a_worker_that_skips_the_claim() -> None:
    """The suite can fail: without the ledger's claim, repeated requests have their effects twice."""
    printed: list[str] = []
    plan = Plan(
        seed=1,
        requests=100,
        rate=40,
        rounds=1,
        faults=("same request twice",),
        workers=1,
        broken="skip-claim",
    )

    outcome = await run(plan, printed.append)

    assert not outcome.passed
    assert outcome.sums.effects_twice > 0, "\n".join(printed)
