"""Lua scripts that are run together, in one round trip."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis, RedisCluster
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

Client = Redis | RedisCluster


class ScriptCall(NamedTuple):
    """A registered script with what it is called with. Every script here may be run again."""

    script: AsyncScript
    keys: Sequence[str]
    args: Sequence[str | bytes | int | float]

    async def run(self) -> Any:  # noqa: ANN401 - whatever the script returns
        """Run it by itself; a Redis that does not know it is told."""
        return await self.script(keys=self.keys, args=self.args)

    def command(self) -> tuple[str | bytes | int | float, ...]:
        """Return it as words of the protocol."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)


async def run_together(
    client: Redis,
    calls: Sequence[ScriptCall],
    *then: tuple[str | int, ...],
    transaction: bool,
) -> list[Any]:
    """Run scripts, and ``then`` commands, in one round trip over one connection, not on Redis Cluster.

    Returns each one's answer, or the ResponseError in its place. All are run a second time if Redis
    does not know the scripts. Script objects in a redis-py pipeline would cost a SCRIPT EXISTS each time.
    """
    answers = await _send(client, calls, then, transaction=transaction)
    if any(isinstance(answer, NoScriptError) for answer in answers):
        await load(client, calls)
        answers = await _send(client, calls, then, transaction=transaction)
    return answers


async def load(client: Client, calls: Sequence[ScriptCall]) -> None:
    """Tell Redis the scripts."""
    for text in {call.script.script for call in calls}:
        await client.script_load(text)


async def _send(
    client: Redis,
    calls: Sequence[ScriptCall],
    then: Sequence[tuple[str | int, ...]],
    *,
    transaction: bool,
) -> list[Any]:
    async with client.pipeline(transaction=transaction) as pipe:
        for words in (*(call.command() for call in calls), *then):
            pipe.execute_command(*words)
        return await pipe.execute(raise_on_error=False)
