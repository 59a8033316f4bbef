"""How long contacts stay, how many, and what is not kept. Each kind of Redis inherits these tests."""

from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import orjson
import pytest
from store.store_servers import ACCOUNT, AGENT, Bench, bench, contact, od_contact, slashes, sql_server

from bridge.operations.model import Reserved, Shelf
from bridge.ports import CacheChange

RESERVED = Reserved("manual", 10, "Yes")
SHELVES: tuple[Shelf, ...] = ("manual", "od")


class ContactStoreLimits:
    """What bounds a contact's stay."""

    async def test_fresh_ends_before_any(self, redis_url: str) -> None:
        """A contact is fresh for ``contacts.fresh_for`` and not a millisecond longer; then it is any."""
        async with bench(redis_url, fresh_for=30) as cache:
            await cache.keep(contact())
            cache.clock.advance(30)
            assert [ACCOUNT] == await cache.accounts()
            cache.clock.advance(0.001)

            assert [] == await cache.accounts()
            assert [ACCOUNT] == await cache.accounts(age="any")

    async def test_freshness_counts_from_the_question(self, redis_url: str) -> None:
        """How long LCM took for its answer is part of a contact's age."""
        async with bench(redis_url, fresh_for=30) as cache:
            await cache.keep(contact(), asked=cache.clock.now - 31)

            assert [] == await cache.accounts()

    async def test_freshness_can_be_switched_off(self, redis_url: str) -> None:
        """With 0 nothing is fresh, even at the same moment; what is stale is still there."""
        async with bench(redis_url, fresh_for=0) as cache:
            await cache.keep(contact())

            assert [] == await cache.accounts()
            assert [ACCOUNT] == await cache.accounts(age="any")

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
    async def test_a_contact_leaves_at_its_expiry_time(self, redis_url: str, zone: str) -> None:
        """Both of LCM's formats are read in the zone of the settings; Redis need not have noticed yet."""
        place = ZoneInfo(zone)
        async with bench(redis_url, zone=place) as cache:
            end = cache.clock.now // 60 * 60 + 7200
            await cache.keep(contact(ExpiryTime=slashes(end, place)))
            await cache.keep(od_contact(ExpiryTime=sql_server(end, place)), shelf="od")
            cache.clock.now = end - 0.001
            before = [await cache.accounts(shelf=shelf, age="any") for shelf in SHELVES]
            held = await cache.cache.holds(AGENT, ACCOUNT)
            cache.clock.now = end
            after = [await cache.accounts(shelf=shelf, age="any") for shelf in SHELVES]

            assert ([[ACCOUNT]] * 2, True) == (before, held)
            assert [[], []] == after
            assert not await cache.cache.holds(AGENT, ACCOUNT)

    @pytest.mark.parametrize("text", [None, "", "soon", "31/31/2031 00:00:00", 5, {"at": 1}])
    async def test_an_unreadable_expiry_time_gets_the_default(self, redis_url: str, text: object) -> None:
        """Such a contact stays ``contacts.default_age`` from the question."""
        async with bench(redis_url, default_age=300) as cache:
            await cache.keep({**contact(), "ExpiryTime": text})  # type: ignore[dict-item]
            cache.clock.advance(299.999)
            before = await cache.accounts(age="any")
            cache.clock.advance(0.001)

            assert ([ACCOUNT], []) == (before, await cache.accounts(age="any"))

    @pytest.mark.parametrize("default_age", [100.0, 5000.0])
    async def test_nothing_stays_longer_than_max_age(self, redis_url: str, default_age: float) -> None:
        """A far ExpiryTime, and a long default, end at ``contacts.max_age``."""
        async with bench(redis_url, max_age=100, default_age=default_age) as cache:
            await cache.keep(contact("far", ExpiryTime="12/31/2099 23:59:59"), contact("unreadable"))
            cache.clock.advance(99.999)
            before = await cache.accounts(age="any")
            cache.clock.advance(0.001)

            assert (["far", "unreadable"], []) == (before, await cache.accounts(age="any"))

    async def test_what_has_expired_is_not_kept(self, redis_url: str) -> None:
        """A contact whose time is over makes no record, and an older record of it goes."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("1"), contact("2"))
            await cache.keep(contact("1", ExpiryTime=slashes(cache.clock.now)), contact("2"))

            assert ["2"] == await cache.accounts(age="any")

    async def test_what_has_expired_leaves_with_the_next_answer(self, redis_url: str) -> None:
        """Also if LCM was asked before it expired."""
        async with bench(redis_url) as cache:
            now = cache.clock.now
            ends = {"1": now + 7200, "2": now + 3600, "3": now + 1800}
            await cache.keep(*[contact(one, ExpiryTime=slashes(end)) for one, end in ends.items()])
            cache.clock.now = now + 1800
            await cache.keep(contact("1", ExpiryTime=slashes(now)), count=None, asked=now)

            assert ["2"] == [row["contact"]["AccountNumber"] for row in await cache.cache.contents(AGENT)]

    async def test_contacts_are_kept_until_the_last_expires(self, redis_url: str) -> None:
        """In whatever order Redis holds them: that is the same for both agents."""
        async with bench(redis_url) as cache:
            now = cache.clock.now
            for agent, sooner, later in (("a", "1", "2"), ("b", "2", "1")):
                ends = {sooner: now + 3600, later: now + 7200}
                contacts = [contact(one, ExpiryTime=slashes(end)) for one, end in ends.items()]
                await cache.keep(*contacts, agent=agent)

                assert (now + 7200) * 1000 == await cache.store.client.pexpiretime(cache.cache.keys(agent)[0])

    @pytest.mark.parametrize("forget", [lambda cache: cache.keep(), lambda cache: cache.drop("2")])
    async def test_skips_are_remembered_for_as_long_as_a_call_may_take(
        self, redis_url: str, forget: Callable[[Bench], Awaitable[None]]
    ) -> None:
        """Ten minutes; then the next answer that names all contacts forgets it, and the next skip."""
        async with bench(redis_url) as cache:
            skips = cache.cache.keys(AGENT)[-1]
            await cache.drop("1")
            cache.clock.advance(599.999)
            await forget(cache)
            remembered = await cache.store.client.zcard(skips)
            cache.clock.advance(0.001)
            await forget(cache)

            assert (2, 1) == (remembered, await cache.store.client.zcard(skips))
            assert await cache.store.client.pttl(skips) <= 600_000

    async def test_an_agents_contacts_are_bounded(self, redis_url: str) -> None:
        """Beyond ``contacts.per_agent`` the oldest leave, of each kind for itself."""
        async with bench(redis_url, per_agent=3) as cache:
            for number in range(5):
                await cache.keep(contact(str(number)), count=None)
                cache.clock.advance(1)
            await cache.keep(od_contact("od"), shelf="od")
            assert ["4", "3", "2"] == await cache.accounts()
            assert ["od"] == await cache.accounts(shelf="od")
            await cache.keep(*map(contact, "abcdefghi"))

            assert 3 == len(await cache.accounts())

    async def test_of_one_answer_the_first_contacts_are_kept(self, redis_url: str) -> None:
        """As many as stay: Redis serves nobody else meanwhile, and LCM may give any number."""
        answer = [contact(str(number)) for number in range(9)]
        async with bench(redis_url, per_agent=3) as cache:
            change = CacheChange(agent=AGENT, shelf="manual", contacts=answer, asked=cache.clock.now)
            prepared = cache.cache.prepare(change)
            assert prepared is not None
            assert 3 == sum(given in prepared.call.args for given in map(str, range(9)))
            await cache.keep(*answer)

            assert ["0", "1", "2"] == await cache.accounts()

    async def test_a_contact_of_more_than_16_kib_is_not_kept(self, redis_url: str) -> None:
        """As it is stored; an older record of it goes, for LCM has said something else since."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("1"), contact("2"))
            [record, _] = await cache.store.client.hvals(f"{cache.prefix}:{{{AGENT}}}:contacts:manual")
            room = 16_384 - len(record) - len('"more":"",')

            await cache.keep(contact("1", more="x" * room), contact("2"))
            at_the_limit = await cache.accounts()
            await cache.keep(contact("1", more="x" * (room + 1)), contact("2"))

            assert (["1", "2"], ["2"]) == (at_the_limit, await cache.accounts())

    @pytest.mark.parametrize("account", [None, "", 5, True, ["1"], {"a": 1}])
    async def test_what_has_no_account_number_is_not_kept(self, redis_url: str, account: object) -> None:
        """It could never be skipped out of the cache again."""
        async with bench(redis_url) as cache:
            await cache.keep({**contact(), "AccountNumber": account}, contact("1"))  # type: ignore[dict-item]

            assert ["1"] == await cache.accounts(age="any")
            assert 1 == await cache.store.client.hlen(cache.cache.keys(AGENT)[0])

    @pytest.mark.parametrize("account", ["a|b||-1", "é\U0001f4de", "%s%d{}", '"\\', "\0", " ", "x" * 256])
    async def test_an_account_number_is_opaque(self, redis_url: str, account: str) -> None:
        """Any text comes back as it is and can be dropped."""
        async with bench(redis_url) as cache:
            await cache.keep(contact(account))
            found = await cache.accounts()
            await cache.drop(account)

            assert ([account], []) == (found, await cache.accounts())

    async def test_a_hundred_contacts_are_one_operation(self, redis_url: str) -> None:
        """As many as one request may ask for are kept in order."""
        accounts = [f"{number}|1" for number in range(100)]
        async with bench(redis_url) as cache:
            await cache.keep(*[contact(account) for account in accounts], count=100)

            assert accounts == await cache.accounts()

    async def test_what_others_wrote_is_passed_over(self, redis_url: str) -> None:
        """Records that cannot be read are no contacts, and the next answer leaves none without an end."""
        later = 9e12
        foreign = [
            b"",
            b"not json",
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b'{"v": 1}',
            b'{"v": 1, "asked": true, "expires": "x", "n": null, "contact": {}}',
            b'{"v": 1, "asked": 1, "expires": 9e12, "n": 0, "contact": []}',
            b'{"v": 1, "asked": 1, "expires": 1e300, "n": 0, "contact": {}}',
            orjson.dumps({"v": 2, "asked": 1, "expires": later, "n": 0, "contact": contact("v2")}),
            b"[" * 2000 + b"]" * 2000,
            b'{"v": 1, "asked": 1, "expires": 9e12, "n": 0, "contact": {"Mode": "Home"}, "consent": "Yes"}',
            b'{"v": 1, "asked": 1, "expires": 9e12, "n": 0, "contact": {"AccountNumber": "v2", "a": '
            + b"[" * 200
            + b"]" * 200
            + b"}}",
        ]
        async with bench(redis_url) as cache:
            key = f"{cache.prefix}:{{{AGENT}}}:contacts:manual"
            for number, value in enumerate(foreign):
                await cache.store.client.hset(key, f"field{number}", value)
            assert [] == await cache.cache.find(AGENT, RESERVED, age="any")
            assert not await cache.cache.holds(AGENT, "v2")
            for number in range(len(foreign)):
                await cache.keep(contact(f"field{number}"), count=None)
            await cache.drop("field0")

            assert sorted(f"field{number}" for number in range(1, len(foreign))) == sorted(
                map(str, await cache.accounts())
            )
