"""How a contact store behaves, whatever kind of Redis it stands on. Each kind inherits these tests."""

import asyncio

from store.store_servers import ACCOUNT, AGENT, bench, contact, od_contact, of

from bridge.operations.model import Reserved, Shelf

RESERVED = Reserved("manual", 10, "Yes")
SHELVES: tuple[Shelf, ...] = ("manual", "od")


class ContactStoreBasics:
    """What is shown for every kind of URL."""

    async def test_contacts_are_given_back_whole_and_in_order(self, redis_url: str) -> None:
        """Every member comes back as it was, in LCM's order."""
        given = [
            contact("3"),
            contact("1", Mode="Zoë \U0001f4de", ContactId=4711),
            contact("2", CallType=None),
        ]
        async with bench(redis_url) as cache:
            await cache.keep(*given)

            assert given == await cache.find()

    async def test_a_skipped_contact_leaves_both_kinds(self, redis_url: str) -> None:
        """A skip drops the contact wherever it is, and no other."""
        async with bench(redis_url) as cache:
            for shelf in SHELVES:
                await cache.keep(of(shelf, "1"), of(shelf, "2"), shelf=shelf)
            assert await cache.cache.holds(AGENT, "1")
            await cache.drop("1")

            assert [["2"], ["2"]] == [await cache.accounts(shelf=shelf) for shelf in SHELVES]
            assert not await cache.cache.holds(AGENT, "1")
            assert await cache.cache.holds(AGENT, "2")

    async def test_erasing_leaves_nothing_of_the_agent(self, redis_url: str) -> None:
        """No key of the agent is left, and other agents keep theirs."""
        async with bench(redis_url) as cache:
            for agent in (AGENT, "other"):
                for shelf in SHELVES:
                    await cache.keep(contact(), shelf=shelf, agent=agent)
                await cache.drop("x", agent=agent)
            before = len(await cache.keys())
            removed = await cache.cache.erase(AGENT)
            left = await cache.keys()

        assert (6, 3) == (before, removed)
        assert 3 == len(left)
        assert not [key for key in left if AGENT.encode() in key]

    async def test_a_burst_waits_for_a_connection(self, redis_url: str) -> None:
        """More requests at once than connections are all served, and Redis does not count as away."""
        agents = [f"agent{number}" for number in range(100)]
        async with bench(redis_url, connections=3) as cache:
            await cache.cache.find(AGENT, RESERVED, age="any")
            for agent in agents:
                await cache.cache.keep(
                    agent, "manual", [contact(agent)], asked=cache.clock.now, reserved=None
                )
            found = await asyncio.gather(*[cache.cache.find(agent, RESERVED, age="any") for agent in agents])

            assert cache.store.connected
        assert [[agent] for agent in agents] == [[one["AccountNumber"] for one in some] for some in found]

    async def test_a_redis_that_forgot_the_scripts_is_told_again(self, redis_url: str) -> None:
        """After a failover or SCRIPT FLUSH the next operation works."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("1"))
            await cache.store.client.script_flush()
            await cache.keep(contact("2"))
            await cache.drop("1")

            assert ["2"] == await cache.accounts()


class ContactStoreSuite(ContactStoreBasics):
    """Which contacts are kept, joined, replaced and dropped."""

    async def test_nothing_is_found_for_an_agent_nobody_asked_about(self, redis_url: str) -> None:
        """An empty cache gives an empty list, holds nothing and has nothing to erase."""
        async with bench(redis_url) as cache:
            assert [] == await cache.find(age="any")
            assert not await cache.cache.holds(AGENT, ACCOUNT)
            assert [] == await cache.cache.contents(AGENT)
            assert 0 == await cache.cache.erase(AGENT)

    async def test_consents_are_kept_apart(self, redis_url: str) -> None:
        """A contact is found under its own consent, or under the asked one where LCM names none."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("yes"), contact("no", Consent="No"), contact("asked", Consent=None))
            await cache.keep(contact("other", Consent=None), consent="No", count=1)

            assert ["yes", "asked"] == await cache.accounts(consent="Yes")
            assert ["no", "other"] == sorted(map(str, await cache.accounts(consent="No")))

    async def test_kinds_are_kept_apart(self, redis_url: str) -> None:
        """Neither kind serves the other, with the same account number either."""
        async with bench(redis_url) as cache:
            await cache.keep(contact(Mode="Mobile"))
            await cache.keep(od_contact(Queue="Q"), shelf="od", count=1)

            [manual] = await cache.find()
            [od] = await cache.find(shelf="od")
        assert ("Mobile", "Q") == (manual["Mode"], od["Queue"])

    async def test_agents_are_kept_apart(self, redis_url: str) -> None:
        """Spelling counts, braces and patterns mean nothing."""
        agents = ["a", "A", "a ", "{a}", "}{a", "a*", "%7Ba%7D", "%", "{", "}", "é", "a:contacts:manual"]
        async with bench(redis_url) as cache:
            for agent in agents:
                await cache.keep(contact(agent), agent=agent)

            assert [[agent] for agent in agents] == [await cache.accounts(agent=agent) for agent in agents]

    async def test_fewer_than_asked_for_are_all_there_are(self, redis_url: str) -> None:
        """An answer with fewer contacts replaces what was known; with none, too."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("1"), contact("2"), contact("3"), count=3)
            await cache.keep(contact("2"), contact("4"), count=3)
            assert ["2", "4"] == await cache.accounts()
            await cache.keep(count=3)

            assert [] == await cache.accounts(age="any")

    async def test_as_many_as_asked_for_may_not_be_all(self, redis_url: str) -> None:
        """A full answer leaves the others, which come after it."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("1"), contact("2"), contact("3"), count=3)
            cache.clock.advance(1)
            await cache.keep(contact("9"), contact("3"), count=2)

            assert ["9", "3", "1", "2"] == await cache.accounts()

    async def test_an_answer_speaks_for_its_consent_only(self, redis_url: str) -> None:
        """That nothing is reserved with one consent says nothing about the other, nor the other kind."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("yes"))
            await cache.keep(contact("no", Consent="No"), consent="No")
            await cache.keep(od_contact("od"), shelf="od", count=1)
            await cache.keep(consent="No")

            assert (["yes"], []) == (await cache.accounts(), await cache.accounts(consent="No"))
            assert ["od"] == await cache.accounts(shelf="od")

    async def test_new_contacts_join(self, redis_url: str) -> None:
        """Newly reserved contacts stand beside those that were known, however few they are."""
        async with bench(redis_url) as cache:
            await cache.keep(contact("1"), contact("2"))
            cache.clock.advance(1)
            await cache.keep(contact("3"), count=None)
            await cache.keep(count=None)

            assert ["3", "1", "2"] == await cache.accounts()

    async def test_of_the_od_kind_there_is_one_at_a_time(self, redis_url: str) -> None:
        """The next OD contact takes the place of the last one."""
        async with bench(redis_url) as cache:
            await cache.keep(od_contact("1"), shelf="od", count=1)
            cache.clock.advance(1)
            await cache.keep(od_contact("2"), shelf="od", count=1)

            assert ["2"] == await cache.accounts(shelf="od", age="any")

    async def test_an_older_answer_changes_nothing_that_a_newer_one_said(self, redis_url: str) -> None:
        """Overtaken on the way: neither does it bring back old values, nor take away, nor add again."""
        async with bench(redis_url) as cache:
            now = cache.clock.now
            await cache.keep(contact("1", Mode="new"), contact("2"), count=3, asked=now)
            await cache.keep(contact("1", Mode="old"), contact("gone"), count=3, asked=now - 5)
            found = await cache.find()

        assert ["1", "2"] == [one["AccountNumber"] for one in found]
        assert "new" == found[0]["Mode"]

    async def test_a_newer_reservation_is_not_overwritten(self, redis_url: str) -> None:
        """Of two that do not name all contacts, the later one says how a contact is; the older one adds."""
        async with bench(redis_url) as cache:
            now = cache.clock.now
            await cache.keep(contact("1", Mode="new"), count=None, asked=now)
            await cache.keep(contact("1", Mode="old"), contact("2"), count=None, asked=now - 5)
            found = await cache.find()

        assert [("1", "new"), ("2", None)] == [(one["AccountNumber"], one.get("Mode")) for one in found]

    async def test_an_older_answer_does_not_undo_that_there_are_none(self, redis_url: str) -> None:
        """LCM said last that nothing is reserved."""
        async with bench(redis_url) as cache:
            for shelf in SHELVES:
                await cache.keep(shelf=shelf, count=1)
                for before in (5, 3):
                    await cache.keep(of(shelf), shelf=shelf, count=1, asked=cache.clock.now - before)

            assert [[], []] == [await cache.accounts(shelf=shelf, age="any") for shelf in SHELVES]

    async def test_a_reservation_that_was_under_way_joins(self, redis_url: str) -> None:
        """New contacts join though LCM was asked for all later: it may not have named them yet."""
        async with bench(redis_url) as cache:
            await cache.drop("")  # a skip that names no contact concerns none
            for shelf in SHELVES:
                await cache.keep(shelf=shelf, count=3)
                await cache.keep(of(shelf, "new"), shelf=shelf, count=None, asked=cache.clock.now - 5)

            assert [["new"], ["new"]] == [await cache.accounts(shelf=shelf) for shelf in SHELVES]

    async def test_a_skip_beats_an_answer_that_was_asked_before_it(self, redis_url: str) -> None:
        """A read under way does not bring a skipped contact back; a later question does."""
        async with bench(redis_url) as cache:
            await cache.drop("1")
            await cache.keep(contact("1"), contact("2"), asked=cache.clock.now - 5)
            await cache.keep(contact("1"), count=None, asked=cache.clock.now)
            assert ["2"] == await cache.accounts()
            cache.clock.advance(0.001)
            await cache.keep(contact("1"), contact("2"))

            assert ["1", "2"] == await cache.accounts()

    async def test_a_skip_can_be_repeated(self, redis_url: str) -> None:
        """Each replay of a skip removes again, also what was never there."""
        async with bench(redis_url) as cache:
            for _ in range(3):
                await cache.drop(ACCOUNT)

            assert [] == await cache.accounts(age="any")

    async def test_the_contents_are_shown_with_their_kind(self, redis_url: str) -> None:
        """People who look after the bridge see what is kept, and until when."""
        async with bench(redis_url, default_age=300) as cache:
            await cache.keep(contact("1"))
            await cache.keep(od_contact("2"), shelf="od")
            rows = await cache.cache.contents(AGENT)

            assert [("manual", "1"), ("od", "2")] == [
                (row["kind"], row["contact"]["AccountNumber"]) for row in rows
            ]
            assert {(cache.clock.now + 300) * 1000} == {row["expires"] for row in rows}
