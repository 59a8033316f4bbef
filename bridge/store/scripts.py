"""What is asked of Redis: a script with what it is called with, or a plain command."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis, RedisCluster
from redis.commands.core import AsyncScript

Client = Redis | RedisCluster
Word = str | bytes | int | float
Words = tuple[Word, ...]


class ScriptCall(NamedTuple):
    """A registered script with what it is called with. Every script here may be run again."""

    script: AsyncScript
    keys: Sequence[str]
    args: Sequence[Word]

    async def run(self) -> Any:  # noqa: ANN401 - whatever the script returns
        """Run it by itself; a Redis that does not know it is told."""
        return await self.script(keys=self.keys, args=self.args)

    def words(self) -> Words:
        """Return it as words of the protocol."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)


class PlainCall(NamedTuple):
    """A command of Redis that may be run again, and is never answered nil."""

    command: Words

    def words(self) -> Words:
        """Return it as words of the protocol."""
        return self.command


Call = ScriptCall | PlainCall


async def load(client: Client, calls: Iterable[Call]) -> None:
    """Tell Redis the scripts."""
    for text in {call.script.script for call in calls if isinstance(call, ScriptCall)}:
        await client.script_load(text)
