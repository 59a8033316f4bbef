"""What the tests of `bridge.once` share: a worker on a ledger in Redis, before an LCM of the test's own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from operations.core_deliveries import Unsettled, delivered
from operations.core_requests import SKIP, operation, translated
from store.ledger_bench import LedgerBench
from store.store_servers import od_contact

from bridge.case import Case
from bridge.failures import LcmUnavailable, WsError
from bridge.jsontypes import JsonValue
from bridge.messages import RequestKey
from bridge.once import Once, content
from bridge.operations.model import Answer, Command, LcmCall
from bridge.performance import Performer
from bridge.ports import CallFailed, CallTerms, Claim, ContactCache, LedgerKey
from bridge.store.ledger import LedgerStore

AGENT, ACCOUNT = str(SKIP["UserID"]), str(SKIP["AccountNumber"])
SKIPPING = translated("SkipManualDialContact", SKIP)
SKIP_KEY = LedgerKey("SkipManualDialContact", RequestKey("message-id", ("m-1",)))
DONE = Answer({"response": {"success": True}})
BUSY = CallFailed(LcmUnavailable("LCM takes no calls now"), effect_possible=False, status=503)
REFUSED = CallFailed(WsError("Campaign is closed"), effect_possible=False, fault=True)


@dataclass
class Lcm:
    """LCM as a test has it: it answers every call with ``end``, after ``during`` has happened."""

    end: JsonValue | Exception = True
    during: Callable[[], Awaitable[object]] | None = None
    asked: list[CallTerms] = field(default_factory=list)

    async def call(self, _: LcmCall, terms: CallTerms) -> JsonValue:
        """Answer, or fail."""
        self.asked.append(terms)
        if self.during is not None:
            await self.during()
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@dataclass
class Stage:
    """One worker: its rule, and the ledger and the LCM that it goes by. All skip the same contact."""

    bench: LedgerBench
    lcm: Lcm
    once: Once
    draining: asyncio.Event
    elsewhere: LedgerStore
    """Another worker's ledger."""

    async def skip(
        self,
        command: Command = SKIPPING,
        *,
        message_id: str | None = "m-1",
        reply_to: str | None = "replies",
        redelivered: bool = False,
        lost: bool = False,
        deadline: float | None = None,
        **properties: Any,
    ) -> tuple[Case, Answer | Exception]:
        """Skip the contact; return what is known of the request, and its answer or what was raised."""
        delivery = delivered(message_id=message_id, reply_to=reply_to, **properties)
        case = Case(delivery, started=0.0, deadline=deadline)
        settler = Unsettled()
        settler.lost = lost
        case.delivery.redelivered, case.delivery.settler = redelivered, settler
        try:
            return case, await self.once.carry_out(case, operation("SkipManualDialContact"), command)
        except Exception as error:  # noqa: BLE001 - each test says which it expects
            return case, error

    async def claimed_elsewhere(self) -> Claim:
        """Let another worker be carrying the skip out."""
        found = await self.elsewhere.claim(SKIP_KEY, content(SKIPPING))
        assert isinstance(found, Claim)
        return found

    async def cut_off(self) -> None:
        """Let another worker have died while it carried the skip out."""
        await self.claimed_elsewhere()
        await self.bench.lapse(SKIP_KEY)

    async def offer(self, *, later: bool = False) -> None:
        """Have the cache offer the contact, as fetched some time ago, or after its skip."""
        asked = time.time() + (0.01 if later else -60)
        await self.bench.contacts.keep(AGENT, "manual", [od_contact(ACCOUNT)], asked=asked, reserved=None)

    async def offered(self) -> bool:
        """Tell whether the cache offers the contact."""
        return await self.bench.contacts.holds(AGENT, ACCOUNT)

    async def until_counted(self, outcome: str) -> None:
        """Wait until the ledger has counted it."""
        async with asyncio.timeout(10):
            while not self.bench.count(outcome):
                await asyncio.sleep(0.01)


def stage(
    bench: LedgerBench,
    *,
    cache: ContactCache | None = None,
    require_fetched: bool = False,
    longest_call: float = 30.0,
) -> Stage:
    """Put a worker on a ledger; with another ``cache`` it looks up there what the agent has fetched."""
    lcm, draining = Lcm(), asyncio.Event()
    performer = Performer(
        lcm=lcm,
        cache=cache or bench.contacts,
        require_fetched=require_fetched,
        campaign_queue="lcm.requests.campaign",
        metrics=bench.metrics,
    )
    once = Once(
        ledger=bench.ledger,
        performer=performer,
        settings=bench.settings,
        longest_call=longest_call,
        draining=draining,
        metrics=bench.metrics,
    )
    return Stage(bench, lcm, once, draining, bench.another_ledger())
