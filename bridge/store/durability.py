"""Whether Redis keeps what it confirmed: what the ledger's promise rests on."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Weakness(NamedTuple):
    """What may make Redis forget a side effect, or keeps it from taking one, and what to do about it."""

    found: str
    advice: str


def weaknesses(info: Mapping[str, Any], wait_replicas: int) -> Iterator[Weakness]:
    """Read the answer of one primary to INFO: CONFIG GET is forbidden by many providers."""
    if info.get("aof_enabled") == 0:
        yield Weakness(
            "appendonly is off: a restart forgets side effects, which may then happen twice",
            "set appendonly yes",
        )
    if info.get("aof_enabled") and info.get("aof_last_write_status", "ok") != "ok":
        yield Weakness("the append-only file cannot be written", "see the disk of Redis, and its log")
    policy = info.get("maxmemory_policy")
    if info.get("maxmemory") and policy != "noeviction":
        yield Weakness(
            f"maxmemory-policy is {policy}: a full Redis forgets side effects",
            "set maxmemory-policy noeviction",
        )
    replicas = info.get("connected_slaves", 0)
    if replicas and not wait_replicas:
        yield Weakness(
            f"{replicas} replicas are connected and ledger.wait_replicas is 0:"
            " a failover may forget a side effect",
            "set ledger.wait_replicas to 1",
        )
    if wait_replicas > replicas:
        yield Weakness(
            f"ledger.wait_replicas is {wait_replicas} and {replicas} replicas are connected:"
            " no side effect can be claimed",
            "bring the replicas back, or lower ledger.wait_replicas",
        )
