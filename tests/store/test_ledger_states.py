"""Whatever happens to a side effect in whatever order: at most one call, and an ending that stays."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from store.ledger_bench import LedgerBench, open_ledger

from bridge.demo.servers import PrivateRedis
from bridge.endings import Ending
from bridge.failures import OutcomeUnknown
from bridge.messages import RequestKey
from bridge.ports import Claim, CutOff, Ended, Found, LedgerKey, Mismatch, Running

Result = TypeVar("Result")

WORKERS = st.integers(0, 1)
# Most happens to one of them, or little would happen to either.
KEYS = st.sampled_from([*[RequestKey("header", ("1",))] * 5, RequestKey("message-id", ("1",))])
CONTENTS = st.sampled_from([*["a"] * 5, "b"])
ENDINGS = st.integers(0, 3).map(lambda number: Ending({"response": number}))
UNKNOWN = Ending(OutcomeUnknown("cut off"))


@dataclass
class Model:
    """What a record should say."""

    state: str = "none"
    owner: str = ""
    content: str = ""
    ending: Ending | None = None
    live: bool = False
    """Whether the lease of what is running has not run out."""
    late: bool = False
    calls: int = 0
    """How many were given the claim since it was last free by rights."""


class Held(NamedTuple):
    """A claim, the worker that has it, and what for."""

    worker: int
    claim: Claim
    content: str


class LedgerMachine(RuleBasedStateMachine):
    """Two workers and a person, on two keys."""

    claims: Bundle[Held] = Bundle("claims")

    def __init__(self, loop: asyncio.AbstractEventLoop, bench: LedgerBench) -> None:
        super().__init__()
        self.loop = loop
        self.bench = bench
        self.workers = [bench.another_ledger() for _ in range(2)]
        self.operation = uuid4().hex
        self.models: dict[LedgerKey, Model] = {}
        self.renewed: dict[Claim, Held] = {}
        self.completed: set[Claim] = set()
        self.told: dict[LedgerKey, bytes | None] = {}

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something with Redis."""
        return self.loop.run_until_complete(work)

    def model(self, key: RequestKey) -> tuple[LedgerKey, Model]:
        """Give the key of this machine, and its model."""
        whole = LedgerKey(self.operation, key)
        return whole, self.models.setdefault(whole, Model())

    @rule(target=claims, worker=WORKERS, key=KEYS, content=CONTENTS)
    def claim(self, worker: int, key: RequestKey, content: str) -> Any:
        """Somebody wants to call."""
        whole, model = self.model(key)
        found = self.run(self.workers[worker].claim(whole, content))
        expected: type[Found]
        if model.state == "none":
            expected = Claim
        elif model.content not in (content, ""):
            expected = Mismatch
        elif model.state == "running" and model.live:
            expected = Running
        elif model.state == "running":
            expected, model.state = CutOff, "unknown"
        else:
            expected = {"done": Ended, "unknown": CutOff, "open": Claim}[model.state]
        assert expected is type(found)
        if isinstance(found, Ended):
            assert model.ending == found.ending
        if not isinstance(found, Claim):
            return multiple()
        self.models[whole] = Model("running", found.owner, content, live=True, calls=model.calls + 1)
        self.renewed[found] = Held(worker, found, content)
        return self.renewed[found]

    @rule(worker=WORKERS)
    def renew(self, worker: int) -> None:
        """Renew what a worker holds; it learns of what it has lost."""
        self.run(self.workers[worker].renew_older_than(0))
        for claim, held in [(claim, held) for claim, held in self.renewed.items() if held.worker == worker]:
            model = self.models[claim.key]
            mine, same = model.owner == claim.owner, model.content in (held.content, "")
            if model.state == "none" or (model.state == "open" and same and not mine):
                self.models[claim.key] = Model("running", claim.owner, held.content, live=True, calls=1)
            elif model.state == "running" and mine:
                model.live = True
            else:
                if model.state == "running" and not model.live and same:
                    model.state = "unknown"
                del self.renewed[claim]

    @rule(key=KEYS)
    def lapse(self, key: RequestKey) -> None:
        """Time passes, and nobody renews."""
        whole, model = self.model(key)
        if model.state == "running":
            self.run(self.bench.lapse(whole))
            model.live = False

    @rule(held=claims, ending=ENDINGS | st.just(UNKNOWN))
    def complete(self, held: Held, ending: Ending) -> None:
        """End a call; late, or a second time, as it may be."""
        key = held.claim.key
        on_time = self.run(self.workers[held.worker].complete(held.claim, ending))
        model, state = self.models[key], "unknown" if ending is UNKNOWN else "done"
        # A claim that was lost is still known to its worker, one that was completed no longer.
        content = held.content if held.claim not in self.completed else ""
        self.completed.add(held.claim)
        self.renewed.pop(held.claim, None)
        if model.state == "none":
            self.models[key] = Model(state, held.claim.owner, content, ending, calls=model.calls)
            assert on_time
        elif model.owner != held.claim.owner:
            assert on_time
        else:
            told = model.state == "unknown" and model.ending is not None
            if model.state != "done" and not (told and state == "unknown"):
                model.late = model.late or model.state != "running"
                model.state, model.ending = state, ending
            assert model.late is not on_time

    @rule(held=consumes(claims))
    def release(self, held: Held) -> None:
        """Give a claim back: the call had no effect."""
        self.run(self.workers[held.worker].release(held.claim))
        self.renewed.pop(held.claim, None)
        model = self.models[held.claim.key]
        free = model.state == "running" or (model.state == "unknown" and model.ending is None)
        if model.owner == held.claim.owner and free:
            self.models[held.claim.key] = Model()

    @rule(key=KEYS, ending=ENDINGS | st.none())
    def settle(self, key: RequestKey, ending: Ending | None) -> None:
        """Let a person say what happened."""
        whole, model = self.model(key)
        refused = model.state == "done" or (model.state == "running" and model.live)
        try:
            self.run(self.bench.records.settle_by_hand(whole, ending))
        except ValueError:
            assert refused
            return
        assert not refused
        model.state, model.ending, model.late = "open" if ending is None else "done", ending, True
        if ending is None:
            model.calls = 0

    @rule(key=KEYS)
    def reopen(self, key: RequestKey) -> None:
        """Let a worker be taken for dead, and a person find that its call did not happen."""
        self.lapse(key=key)
        self.settle(key=key, ending=None)

    @invariant()
    def at_most_one_call(self) -> None:
        """Between two moments at which it was free by rights, one claim was given."""
        assert all(model.calls <= 1 for model in self.models.values())

    @invariant()
    def the_records_are_as_expected(self) -> None:
        """People see the state, and the ending that was told; it stays."""
        for key, model in self.models.items():
            record = self.run(self.bench.records.look(key))
            state = "unknown" if model.state == "running" and not model.live else model.state
            assert (state if state != "none" else None) == (record.state if record else None)
            told = record.ending.dump() if record and record.ending else None
            assert (model.ending.dump() if model.ending else None) == told
            if model.state == "done" and model.ending:
                assert told == self.told.setdefault(key, told)


def test_at_most_one_call_and_an_ending_that_stays(redis_server: PrivateRedis) -> None:
    """Claims, renewals, lapses, endings, releases and people's verdicts in every order."""
    loop = asyncio.new_event_loop()
    bench = open_ledger(redis_server.url, f"t{uuid4().hex[:10]}", lease=300)
    loop.run_until_complete(bench.store.look())
    try:
        run_state_machine_as_test(
            lambda: LedgerMachine(loop, bench),  # type: ignore[arg-type]  # any factory will do
            settings=settings(max_examples=100, stateful_step_count=30, deadline=None),
        )
    finally:
        loop.run_until_complete(bench.store.close())
        loop.close()
