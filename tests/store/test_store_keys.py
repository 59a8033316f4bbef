"""The keys of the contact store: none is shared by two agents, and those of one agent lie in one slot."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.crc import key_slot
from store.store_servers import bench, contact, od_contact

from bridge.demo.servers import PrivateRedis

AGENTS = st.text(min_size=1, max_size=128) | st.text(alphabet="{}%a7BD:25", min_size=1, max_size=12)
PAIRS = st.lists(AGENTS, min_size=2, max_size=2, unique=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(agents=PAIRS)
@example(agents=["{", "%7B"])
@example(agents=["%7B", "%257B"])
@example(agents=["a}:contacts:od", "a"])
@example(agents=["{}", "}{"])
async def test_distinct_agents_have_distinct_keys(redis_server: PrivateRedis, agents: list[str]) -> None:
    """Whatever two agents are called, neither's keys are the other's, and each has one slot for them all."""
    seen: list[set[bytes]] = []
    async with bench(redis_server.url) as cache:
        for agent in agents:
            before = set(await cache.keys())
            await cache.keep(contact(agent), agent=agent)
            await cache.keep(od_contact(agent), agent=agent, shelf="od")
            await cache.drop("another", agent=agent)
            seen.append(set(await cache.keys()) - before)
        found = [await cache.accounts(agent=agent) for agent in agents]
        erased = [await cache.cache.erase(agent) for agent in agents]
        left = await cache.keys()

    assert [3, 3] == [len(keys) for keys in seen]
    assert [1, 1] == [len({key_slot(key) for key in keys}) for keys in seen]
    assert [[agent] for agent in agents] == found
    assert ([3, 3], []) == (erased, left)


async def test_the_keys_are_as_documented(redis_server: PrivateRedis) -> None:
    """Operators find an agent's keys by the hash tag."""
    async with bench(redis_server.url) as cache:
        await cache.keep(contact(), agent="a{1}%@x")
        await cache.keep(od_contact(), agent="a{1}%@x", shelf="od")
        await cache.drop("1", agent="a{1}%@x")
        keys = {key.decode() for key in await cache.keys()}
        tag = f"{cache.prefix}:{{a%7B1%7D%25@x}}"

    assert {f"{tag}:contacts:manual", f"{tag}:contacts:od", f"{tag}:skipped"} == keys
