"""A claim that replicas must have, too: WAIT over the connection that wrote it, in the same round trip.

On Redis Cluster redis-py leads WAIT to any node, and its pipelines forget the node when they try again: so
the two go to the key's own node directly. Where the key has moved, redis-py finds out by a look at the key.
"""

from typing import Any, Final

from redis import exceptions
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import PipelineCommand
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, TryAgainError

from bridge.store.scripts import Client, ScriptCall, load, run_together

TRIES: Final = 3
_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
_ELSEWHERE: Final = (MovedError, ClusterDownError, TryAgainError, *_LOST)


async def run_and_wait(
    client: Client, call: ScriptCall, *, replicas: int, milliseconds: int
) -> tuple[Any, int]:
    """Run a script of one key; return its answer and how many replicas are known to have what it wrote.

    Raises ResponseError if Redis refuses the script, and whatever else redis-py raises.
    """
    wait = ("WAIT", replicas, milliseconds)
    if isinstance(client, RedisCluster):
        answers = await _on_the_node(client, call, wait)
    else:
        answers = await run_together(client, [call], wait, transaction=False)
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0], answers[1] if isinstance(answers[1], int) else 0


async def _on_the_node(client: RedisCluster, call: ScriptCall, wait: tuple[str | int, ...]) -> list[Any]:
    key = call.keys[0]
    asked: AskError | None = None
    answers: list[Any] = [ClusterDownError("no node has the key's slot")]
    for _ in range(TRIES):
        await client.initialize()
        node = client.get_node_from_key(key) if asked is None else client.get_node(asked.host, asked.port)
        if node is None:
            break
        # While its slot moves, the new node takes it only on demand.
        words = [*([("ASKING",)] if asked else []), call.command(), wait]
        commands = [PipelineCommand(place, *command) for place, command in enumerate(words)]
        try:
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
