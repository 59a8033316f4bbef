"""What Redis says of itself, read for whether it keeps what the ledger writes."""

from typing import Any

import pytest

from bridge.store.durability import weaknesses

SOUND: dict[str, Any] = {
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "maxmemory": 1_000_000,
    "maxmemory_policy": "noeviction",
    "connected_slaves": 0,
}


@pytest.mark.parametrize(
    ("said", "wait_replicas", "found"),
    [
        ({}, 0, []),
        ({"connected_slaves": 1}, 1, []),
        ({"connected_slaves": 2}, 1, []),
        ({"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, 0, []),
        ({"aof_enabled": 0, "aof_last_write_status": "err"}, 0, ["appendonly is off"]),
        ({"aof_last_write_status": "err"}, 0, ["the append-only file cannot be written"]),
        ({"maxmemory_policy": "allkeys-lru"}, 0, ["maxmemory-policy is allkeys-lru"]),
        ({"connected_slaves": 1}, 0, ["1 replicas are connected and ledger.wait_replicas is 0"]),
        ({}, 1, ["ledger.wait_replicas is 1 and 0 replicas are connected"]),
        ({"connected_slaves": 1}, 2, ["ledger.wait_replicas is 2 and 1 replicas are connected"]),
    ],
)
def test_each_weakness_is_told(said: dict[str, Any], wait_replicas: int, found: list[str]) -> None:
    """And what is sound is not."""
    told = [weakness.found for weakness in weaknesses(SOUND | said, wait_replicas)]

    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(told, found, strict=True))


def test_what_a_provider_does_not_say_is_no_weakness() -> None:
    """A field that is not there tells nothing."""
    assert [] == list(weaknesses({}, 0))
    assert [] == list(weaknesses({"aof_enabled": 1}, 0))
