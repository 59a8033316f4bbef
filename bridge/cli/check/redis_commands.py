"""May the user run what the bridge runs, and does Redis take a claim, tried on keys that are gone at once.

Every key that is written has an expiry, and what is tried of plain commands runs in one script: nothing
stays, not even where the check is killed.
"""

import time
from typing import Final
from uuid import uuid4

from redis.exceptions import ResponseError

from bridge.cli.check.finding import Finding, failed, ok, timed
from bridge.messages import RequestKey
from bridge.ports import LedgerKey
from bridge.settings import Redis as RedisSettings
from bridge.settings import Settings
from bridge.store.connection import Store
from bridge.store.ledger_scripts import CLAIM
from bridge.store.records import record_name
from bridge.store.scripts import PlainCall, ScriptCall, Words

_KEPT: Final = 10_000
"""Milliseconds after which Redis removes what is tried on, if the check does not."""

# What can remove the keys is tried first: without it nothing is written.
_TRY: Final = """
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then refused[#refused + 1] = {select(1, ...), answer.err} end
end
local hash, set, keep = KEYS[1], KEYS[2], ARGV[1]
try('DEL', hash)
try('PEXPIRE', hash, keep)
if #refused > 0 then return refused end
try('HSET', hash, 'a', '1')
try('PEXPIRE', hash, keep)
try('HSETNX', hash, 'b', '1')
for _, command in ipairs({'HGET', 'HDEL'}) do try(command, hash, 'b') end
try('HMGET', hash, 'a', 'b')
for _, command in ipairs({'HGETALL', 'HVALS', 'TYPE', 'EXISTS', 'PTTL'}) do try(command, hash) end
local time = redis.pcall('TIME')
if time.err then refused[#refused + 1] = {'TIME', time.err}
else try('PEXPIREAT', hash, string.format('%.0f', time[1] * 1000 + keep)) end
if set then
  try('ZADD', set, 1, 'a')
  try('PEXPIRE', set, keep)
  try('ZSCORE', set, 'a')
  try('ZREMRANGEBYSCORE', set, '-inf', 1)
  try('DEL', set)
end
try('DEL', hash)
return refused
"""
"""KEYS: a hash, and a sorted set or none. ARGV: expiry ms."""


async def commands(store: Store, settings: RedisSettings) -> list[Finding]:
    """Run each command on keys such as the ledger's and the contact cache's. Raises `StoreUnavailable`."""
    agent = f"{settings.prefix}:{{lcm-bridge check {uuid4().hex}}}"
    trial = store.client.register_script(_TRY)
    answers = await store.send(
        [
            ScriptCall(trial, [_record(settings)], [_KEPT]),
            ScriptCall(trial, [f"{agent}:contacts:manual", f"{agent}:skipped"], [_KEPT]),
        ]
    )
    answers += await store.send([PlainCall(("HGETALL", f"{settings.prefix}:paused"))], transaction=True)
    refused: dict[str, str] = {}
    for answer, name in zip(answers, ("EVALSHA", "EVALSHA", "MULTI, HGETALL"), strict=True):
        if isinstance(answer, ResponseError):
            refused[name] = str(answer)
        elif name == "EVALSHA":
            refused |= {command.decode(): error.decode(errors="replace") for command, error in answer}
    if not refused:
        return [ok("commands", "the user may run every command that the bridge runs")]
    said = next(iter(refused.values()))
    return [
        failed(
            "commands",
            f"the user may not run {', '.join(refused)}: {said}",
            "have whoever runs Redis permit it: ACL SETUSER, the commands above on the keys "
            f"~{settings.prefix}:* (docs/operating.md lists them all)",
        )
    ]


async def claiming(store: Store, settings: Settings) -> list[Finding]:
    """Claim a side effect that nobody asks for, as the worker does, and remove it."""
    name = _record(settings.redis)
    owner = f"lcm-bridge check {uuid4().hex}"
    claim = ScriptCall(store.client.register_script(CLAIM), [name], [owner, "", 1000, _KEPT, "0", "0"])
    wanted = settings.ledger.wait_replicas
    wait: Words | None = (
        ("WAIT", wanted, max(1, round(settings.ledger.wait_timeout * 1000))) if wanted else None
    )
    started = time.monotonic()
    try:
        answer, *replicas = await store.send([claim], wait=wait)
    finally:
        took = time.monotonic() - started
        await store.send([PlainCall(("DEL", name))])
    for one in (answer, *replicas):
        if isinstance(one, ResponseError):
            advice = "have whoever runs Redis see to it: without claims no side effect is carried out"
            return [failed("ledger", f"a side effect cannot be claimed: {one}", advice)]
    if replicas and replicas[0] < wanted:
        found = (
            f"no side effect can be claimed: {replicas[0]} replicas have it within ledger.wait_timeout, and"
            f" ledger.wait_replicas is {wanted}"
        )
        return [failed("ledger", found, "bring the replicas back, or lower ledger.wait_replicas")]
    confirmed = f", and {replicas[0]} replicas have it" if replicas else ""
    return [timed(ok("ledger", f"a side effect can be claimed{confirmed}"), took)]


def _record(settings: RedisSettings) -> str:
    return record_name(settings.prefix, LedgerKey("lcm-bridge check", RequestKey("header", (uuid4().hex,))))
