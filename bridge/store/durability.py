"""Whether Redis keeps what it confirmed: what the ledger's promise rests on."""

from collections.abc import Iterator, Mapping
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import ResponseError

from bridge.store.scripts import Client


async def warnings(client: Client, wait_replicas: int) -> list[str]:
    """Return what may make Redis forget a side effect; on Redis Cluster of every primary.

    Raises what redis-py raises if Redis is away.
    """
    try:
        if not isinstance(client, RedisCluster):
            return list(_warnings(await client.info(), wait_replicas))
        found: dict[str, None] = {}
        for node in client.get_primaries():
            told = _warnings(await client.info(target_nodes=node), wait_replicas)
            found |= dict.fromkeys(f"{node.name}: {warning}" for warning in told)
        return list(found)
    except ResponseError as error:
        return [f"whether Redis keeps what it confirmed could not be looked at: {error}"]


def _warnings(info: Mapping[str, Any], wait_replicas: int) -> Iterator[str]:
    """Read the answer to INFO: CONFIG GET is forbidden by many providers."""
    if info.get("aof_enabled") == 0:
        yield "appendonly is off: a restart forgets side effects, which may then happen twice"
    policy = info.get("maxmemory_policy")
    if info.get("maxmemory") and policy != "noeviction":
        yield f"maxmemory-policy is {policy}: a full Redis forgets side effects; set it to noeviction"
    replicas = info.get("connected_slaves", 0)
    if replicas and not wait_replicas:
        yield (
            f"{replicas} replicas are connected and ledger.wait_replicas is 0:"
            " a failover may forget a side effect"
        )
    if wait_replicas > replicas:
        yield (
            f"ledger.wait_replicas is {wait_replicas} and {replicas} replicas are connected:"
            " no side effect can be claimed"
        )
