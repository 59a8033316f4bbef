"""``lcm-bridge dead-letters replay``: send requests again, with their keys and without their deadlines."""

import argparse
from contextlib import AbstractAsyncContextManager, suppress

from bridge import forwarding
from bridge.cli.dead_letters.box import Box
from bridge.cli.dead_letters.records import Records
from bridge.cli.dead_letters.rounds import carry_out
from bridge.configuration import Loaded
from bridge.letters import Letter
from bridge.messages import Reason
from bridge.ports import StoreUnavailable
from bridge.settings import Amqp, Settings


def run(site: Loaded, args: argparse.Namespace) -> int:
    """Replay what is meant and return the exit code."""
    return carry_out(site, args, Replay(site.settings, unsettled=args.unsettled))


class Replay:
    """Publishes each request to where it came from, confirmed, and only then removes its letter.

    So an interruption loses nothing. What was published and not removed is replayed again under the
    same key, by which the ledger knows it.
    """

    verb = "replay"
    past = "replayed"

    def __init__(self, settings: Settings, *, unsettled: bool) -> None:
        self._amqp = settings.amqp
        self._records = Records(settings)
        self._unsettled = unsettled

    def at_hand(self) -> AbstractAsyncContextManager[None]:
        """Have the ledger open."""
        return self._records.opened()

    async def judge(self, letter: Letter) -> str | None:
        """Tell why a letter must not be replayed."""
        if letter.reason == Reason.REPLY_AS_REQUEST:
            return "it is a reply, which no bridge answers: it could only come back; drop it"
        if letter.unreadable:
            return f"its properties {letter.unreadable} could not be read and are lost: publish it anew"
        if self._unsettled or not (letter.unknown_outcome or letter.effect_done):
            return None
        if letter.effect_done:
            return await self._why_not_again(letter)
        if not letter.protected:
            return (
                "its outcome is unknown and it was unprotected (no key): look in LCM, "
                "then drop it, or replay it with --unsettled"
            )
        return await self._why_unsettled(letter)

    async def _why_unsettled(self, letter: Letter) -> str | None:
        try:
            record = await self._records.look(letter)
        except StoreUnavailable:
            return "its outcome is unknown, and Redis does not answer whether it was settled"
        if record is not None and record.state in ("done", "open"):
            return None
        if record is not None and record.state == "running":
            return "it is being carried out just now"
        return f"its outcome is unknown: look in LCM, then: lcm-bridge dead-letters settle {letter.id}"

    async def _why_not_again(self, letter: Letter) -> str | None:
        """Tell why a request whose effect is done must not be sent again: the ledger has no reply for it."""
        try:
            record = await self._records.look(letter) if letter.protected else None
        except StoreUnavailable:
            return "it was carried out and only its reply refused, and Redis does not answer with it"
        if record is not None and record.state == "done":
            return None
        return "it was carried out, only its reply was refused, and the ledger has forgotten it: drop it"

    async def act(self, box: Box, letter: Letter) -> None:
        """Publish the request, and remove its letter once that is confirmed."""
        if letter.protected:
            with suppress(StoreUnavailable):  # then the stored refusal is told again
                await self._records.reopen(letter)
        exchange, routing_key = destination(letter, self._amqp)
        keyless = letter.key is None and not letter.key_fault
        await box.publish(
            forwarding.replayed(
                letter.request,
                exchange=exchange,
                routing_key=routing_key,
                # So that a second replay of the same letter is known for one.
                key=f"replay-{letter.id}" if keyless else None,
            )
        )
        await box.remove(letter)


def destination(letter: Letter, amqp: Amqp) -> tuple[str, str]:
    """Return the exchange and routing key by which a request goes back to where it came from."""
    request = letter.request
    if request.exchange == amqp.requests_exchange:
        return request.exchange, request.routing_key
    queues = (amqp.agent_queue, amqp.campaign_queue)
    if request.exchange == "" and request.routing_key in queues:
        return "", request.routing_key
    if letter.queue in queues:
        return "", letter.queue
    return "", amqp.queue_of(letter.lane)
