"""Calls on Redis Cluster, where redis-py finds the node of each key.

WAIT must go over the connection that wrote: redis-py leads it to any node, and its pipelines forget the node
when they try again. So such a call goes to its key's own node directly. Where the key has moved, redis-py
finds out by a look at the key.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis import exceptions
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import PipelineCommand
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    ResponseError,
    TryAgainError,
)

from bridge.store.away import AWAY, reset_as_error
from bridge.store.scripts import Call, ScriptCall, Words, load

TRIES: Final = 3
_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError, ConnectionResetError)
_ELSEWHERE: Final = (MovedError, ClusterDownError, TryAgainError, *_LOST)


async def send_to_cluster(
    client: RedisCluster, calls: Sequence[Call], *, in_order: bool, wait: Words | None
) -> list[Any]:
    """Run calls; return each one's answer, or its error in the place. Raises what redis-py raises.

    With ``in_order`` each begins after the one before it. With ``wait`` too, and the last answer is how many
    replicas are known to have what the first call wrote.
    """
    if wait is not None:
        first, *others = calls
        answers = await _on_the_node(client, first, wait)
        if isinstance(answers[0], Exception) and not isinstance(answers[0], ResponseError):
            raise answers[0]
        replicas = answers[-1] if isinstance(answers[-1], int) else 0
        return [answers[0], *[await _tried(client, call) for call in others], replicas]
    if not in_order:
        answers = await asyncio.gather(*(_run(client, call) for call in calls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, ResponseError):
                raise answer
        return answers
    first, *others = calls
    return [await _run(client, first), *[await _tried(client, call) for call in others]]


async def _run(client: RedisCluster, call: Call) -> Any:  # noqa: ANN401 - whatever it returns
    try:
        if isinstance(call, ScriptCall):
            return await call.run()
        return await client.execute_command(*call.words())
    except ResponseError as error:
        return error


async def _tried(client: RedisCluster, call: Call) -> Any:  # noqa: ANN401 - whatever it returns
    """Run a call whose key belongs to another slot than the first one's, perhaps of a node that is away."""
    try:
        return await _run(client, call)
    except AWAY as error:
        return error


async def _on_the_node(client: RedisCluster, call: Call, wait: Words) -> list[Any]:
    key = call.keys[0] if isinstance(call, ScriptCall) else str(call.command[1])
    asked: AskError | None = None
    answers: list[Any] = [ClusterDownError("no node has the key's slot")]
    for _ in range(TRIES):
        await client.initialize()
        node = client.get_node_from_key(key) if asked is None else client.get_node(asked.host, asked.port)
        if node is None:
            break
        # While its slot moves, the new node takes it only on demand.
        words = [*([("ASKING",)] if asked else []), call.words(), wait]
        commands = [PipelineCommand(place, *command) for place, command in enumerate(words)]
        try:
            with reset_as_error():
                await node.execute_pipeline(commands)
        except _LOST as error:
            answers = [error]
        else:
            answers = [command.result for command in commands][-2:]
        failed, asked = answers[0], None
        if isinstance(failed, NoScriptError):
            await load(client, [call])
        elif isinstance(failed, AskError):
            asked = failed
        elif isinstance(failed, _ELSEWHERE):
            await client.exists(key)
        else:
            break
    return answers
