"""What happened: every call that had an effect, and the last calls as they arrived."""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bridge.simulator.state import LimitReached


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One call that changed something. `time` is ISO 8601; `request` holds the parameters as sent."""

    sequence: int
    time: str
    method: str
    agent: str
    account_numbers: tuple[str, ...]
    campaigns: tuple[str, ...]
    idempotency_key: str | None
    request: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """Give the effect as a JSON object."""
        return asdict(self)


class EffectLedger:
    """Every effect since the last reset, at most `most`. When full, LCM calls with effects are refused."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most
        self.effects: list[Effect] = []
        self.counts: Counter[str] = Counter()
        self._sequence = 0

    def __len__(self) -> int:
        return len(self.effects)

    def check_room(self) -> None:
        """Raise LimitReached when no further effect can be recorded."""
        if len(self.effects) >= self.most:
            raise LimitReached(f"the simulator records at most {self.most} effects: DELETE /control/effects")

    def next_sequence(self) -> int:
        """Give the number of the next effect; numbers go on over a reset."""
        self._sequence += 1
        return self._sequence

    def record(self, effect: Effect) -> None:
        """Add an effect. Raises LimitReached."""
        self.check_room()
        self.effects.append(effect)
        self.counts[effect.method] += 1

    def of_method(self, method: str) -> list[Effect]:
        """Give the effects of one method, oldest first."""
        return [effect for effect in self.effects if effect.method == method]

    def reset(self) -> int:
        """Forget all effects; gives how many there were."""
        count = len(self.effects)
        self.effects.clear()
        self.counts.clear()
        return count


@dataclass(slots=True, kw_only=True)
class Call:
    """One HTTP call as it arrived. `status` is None until it is answered, and stays so when cut off.

    `body` is None where it was over the message quota. `fault` is the kind of the fault that was played.
    """

    sequence: int
    time: str
    http_method: str
    path: str
    method: str
    headers: Mapping[str, str]
    body: str | None = None
    status: int | None = None
    fault: str | None = None

    def to_json(self) -> dict[str, object]:
        """Give the call as a JSON object."""
        return asdict(self)


class CallLog:
    """How many calls came by method, and the last `most` of them: older ones are dropped.

    Names nobody knows are counted together as `unknown`, so that strangers cannot fill the memory.
    """

    def __init__(self, most: int = 1000) -> None:
        self.calls: deque[Call] = deque(maxlen=most)
        self.counts: Counter[str] = Counter()
        self.in_flight = 0
        self.peak_in_flight = 0
        self.total = 0
        self._sequence = 0

    def next_sequence(self) -> int:
        """Give the number of the next call; numbers go on over a reset."""
        self._sequence += 1
        return self._sequence

    def of_method(self, method: str) -> list[Call]:
        """Give the kept calls by wire name, oldest first."""
        return [call for call in self.calls if call.method == method]

    def begin(self, call: Call, *, counted_as: str) -> None:
        """Note a call that arrived."""
        self.calls.append(call)
        self.counts[counted_as] += 1
        self.total += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def end(self) -> None:
        """Note that a call is over, however it ended."""
        self.in_flight -= 1

    def reset(self) -> None:
        """Forget the calls; those in flight stay counted as in flight."""
        self.calls.clear()
        self.counts.clear()
        self.total = 0
        self.peak_in_flight = self.in_flight


class AnswerStore:
    """The first answer to each idempotency key, for a front that honours the header. Oldest dropped."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._answers: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def get(self, method: str, key: str) -> bytes | None:
        """Give the stored answer, if any."""
        return self._answers.get((method, key))

    def put(self, method: str, key: str, answer: bytes) -> None:
        """Store an answer."""
        self._answers[method, key] = answer
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def clear(self) -> None:
        """Forget all answers."""
        self._answers.clear()
