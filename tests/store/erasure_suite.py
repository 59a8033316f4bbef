"""Erasing a person or an agent: what mentions them goes, all else stays. Each kind of Redis inherits this."""

import time
from typing import Any

from store.ledger_bench import CONTENT, LedgerBench, ledger_bench
from store.store_servers import contact, od_contact

from bridge.endings import Ending
from bridge.failures import Failure, WsError
from bridge.mentions import Mention
from bridge.messages import RequestKey
from bridge.ports import CacheChange, Ended, LedgerKey
from bridge.store.erasure import Erased, Erasure

NUMBER = "2082097345"


def key(number: int) -> LedgerKey:
    """Return one of many."""
    return LedgerKey("CreateContact", RequestKey("message-id", (str(number),)))


async def fill(bench: LedgerBench) -> None:
    """Keep contacts of two agents, and how four side effects ended; half mentions the number. One runs."""
    for agent in ("anna", "berta"):
        others = [contact("1|1|1", PhoneNumber="555000111"), contact("2|2|2", PhoneNumber=NUMBER)]
        await bench.contacts.keep(agent, "manual", others, asked=time.time(), reserved=None)
        await bench.contacts.keep(agent, "od", [od_contact("3|3|3")], asked=time.time(), reserved=None)
    await bench.contacts.drop("anna", "9|9|9")
    ends: list[Any] = [
        {"response": [{"PhoneNumber": NUMBER}]},
        {"response": "1|1|1"},
        WsError(f"{NUMBER} is on the list"),
        {"response": {"success": True}},
    ]
    for number, end in enumerate(ends):
        claim = await bench.claim(key(number))
        await bench.ledger.complete(claim, Ending(end), CacheChange(agent="anna"))
    await bench.claim(key(len(ends)))


async def texts(bench: LedgerBench) -> str:
    """Return everything that is kept, with the names of the keys."""
    found: list[object] = []
    for name in await bench.names():
        kind = await bench.store.client.type(name)
        found.append(name)
        found.append(
            await bench.store.client.hgetall(name)
            if kind == b"hash"
            else await bench.store.client.zrange(name, 0, -1)
        )
    return str(found)


class ErasureSuite:
    """What is shown on each kind of Redis."""

    async def test_a_person_is_erased(self, redis_url: str) -> None:
        """Contacts of every agent and stored replies; a repetition is not carried out for that."""
        async with ledger_bench(redis_url) as bench:
            await fill(bench)
            kept = await bench.seconds_kept(key(0))
            erasure = Erasure(bench.store, bench.contacts, prefix=bench.prefix)
            assert NUMBER in await texts(bench)

            assert Erased(2, 2) == await erasure.erase(Mention(NUMBER), pretend=True)
            assert NUMBER in await texts(bench)
            assert Erased(2, 2) == await erasure.erase(Mention(NUMBER))
            assert Erased(0, 0) == await erasure.erase(Mention(NUMBER))

            assert NUMBER not in await texts(bench)
            assert ["1|1|1", "3|3|3"] == sorted(
                str(one["contact"]["AccountNumber"]) for one in await bench.contacts.contents("berta")
            )
            for number in (0, 2):
                found = await bench.ledger.claim(key(number), CONTENT)
                assert isinstance(found, Ended)
                assert isinstance(found.ending.end, Failure)
                assert "OUTCOME_UNKNOWN" == found.ending.end.error_type
            assert Ended(Ending({"response": "1|1|1"})) == await bench.ledger.claim(key(1), CONTENT)
            assert kept - 60 < await bench.seconds_kept(key(0)) <= kept

    async def test_an_agent_is_erased(self, redis_url: str) -> None:
        """His contacts, whatever they mention, and what he skipped; another agent's stay."""
        async with ledger_bench(redis_url) as bench:
            await fill(bench)
            erasure = Erasure(bench.store, bench.contacts, prefix=bench.prefix)

            assert Erased(3, 0) == await erasure.erase(Mention("anna"))

            assert "anna" not in await texts(bench)
            assert 3 == len(await bench.contacts.contents("berta"))

    async def test_what_is_not_the_bridges_is_left_alone(self, redis_url: str) -> None:
        """Other sites, other kinds of values; what looks like a pattern in a prefix names no other."""
        async with ledger_bench(redis_url) as other:
            prefix = other.prefix
            await fill(other)
            async with ledger_bench(redis_url, f"{prefix[:-1]}?") as bench:
                client, names = (
                    bench.store.client,
                    [f"{bench.prefix}:ledger:x", f"{bench.prefix}:{{a}}:contacts:od"],
                )
                await fill(bench)
                for name in names:
                    await client.set(name, NUMBER, ex=600)
                erased = await Erasure(bench.store, bench.contacts, prefix=bench.prefix).erase(
                    Mention(NUMBER)
                )

                assert Erased(2, 2) == erased
                assert [NUMBER.encode()] * 2 == [await client.get(name) for name in names]
            assert str(await texts(other)).count(NUMBER) == 4
