"""The simulated LCM as a test sees it: what it shall do next, what it was asked. See docs/simulator.md."""

import difflib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from bridge.simulator import Fault

CONTROL_SECONDS = 10.0

# It is on this machine: a proxy that the environment names has no business there.
_opener = build_opener(ProxyHandler({}))


class SimulatedLcm:
    """Calls the simulator's control API. No method waits for more than 10 s: then urllib's OSError is raised.

    ValueError is raised for what the simulator does not take, and for names of operations that are none.

    What it shall do is one plan: each of `refuse`, `be_away`, `be_slow`, `lose_the_answer` and `plan`
    replaces what was said before. Operations are named as in the contract; None means all.
    """

    def __init__(self, base_url: str, control_url: str, operations: Collection[str]) -> None:
        self.base_url = base_url
        self._operations = operations
        self._control = control_url.rstrip("/")

    def reset(self) -> None:
        """Be as at the start: nothing goes wrong, nothing was asked, the agents and contacts of the start."""
        self.recover()
        self._call("POST", "seed", {})
        self._call("DELETE", "effects")
        self._call("DELETE", "calls")

    # --- what it shall do -----------------------------------------------------------------------------

    def refuse(
        self, operation: str | None = None, *, message: str = "refused", count: int | None = None
    ) -> None:
        """Fault with a message, for so many calls or until `recover`: the bridge answers WS_Error."""
        self.plan({"kind": "fault", "message": message, "method": operation, "count": count})

    def be_away(self, operation: str | None = None, *, count: int | None = None) -> None:
        """Take no calls (status 503), so many or until `recover`: LCM_UNAVAILABLE.

        For whoever waits, the bridge itself calls up to three times.
        """
        self.plan({"kind": "status", "status": 503, "method": operation, "count": count})

    def be_slow(self, seconds: float, operation: str | None = None, *, count: int | None = None) -> None:
        """Answer later."""
        self.plan({"latency_ms": seconds * 1000, "method": operation, "count": count})

    def lose_the_answer(self, operation: str | None = None, *, count: int | None = 1) -> None:
        """Do what is asked and cut the connection: of a side effect, OUTCOME_UNKNOWN."""
        self.plan({"kind": "reset", "when": "after", "method": operation, "count": count})

    def plan(self, *faults: Mapping[str, Any] | Fault) -> None:
        """Let go wrong whatever the simulator knows: each fault as `bridge.simulator.Fault` has it."""
        given = [asdict(one) if isinstance(one, Fault) else one for one in faults]
        for one in given:
            self._known(one.get("method"))
        self._call(
            "PUT",
            "faults",
            [{key: value for key, value in one.items() if value is not None} for one in given],
        )

    def recover(self) -> None:
        """Let nothing go wrong any more, and let go what hangs."""
        self._call("DELETE", "faults")
        self._call("POST", "release", {})

    # --- what is there --------------------------------------------------------------------------------

    def log_in(self, agent: str) -> None:
        """Add an agent who is logged in."""
        self._call("POST", f"agents/{quote(agent, safe='')}", {"logged_in": True})

    def add_contact(self, agent: str, **members: Any) -> str:  # noqa: ANN401 - any JSON
        """Reserve a contact for an agent, who is logged in, and return its LCM key.

        `members` are those of ``POST /control/contacts``: ``kind="od"``, ``PhoneNumber``, ``expires_in``..
        """
        self.log_in(agent)
        answer = self._call("POST", "contacts", {"agent": agent, **members})
        return str(answer["account_numbers"][0])

    # --- what happened --------------------------------------------------------------------------------

    def calls(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the last 1,000 calls, oldest first: ``method``, ``headers``, ``body``, ``status``.."""
        return list(self._call("GET", "calls", query={"method": self._known(operation)})["calls"])

    def effects(self, operation: str | None = None, *, agent: str | None = None) -> list[dict[str, Any]]:
        """Return what was changed, oldest first: ``method``, ``agent``, ``account_numbers``, ``request``."""
        query = {"method": self._known(operation), "agent": agent}
        return list(self._call("GET", "effects", query=query)["effects"])

    def _known(self, operation: str | None) -> str | None:
        if operation is None or operation in self._operations:
            return operation
        nearest = difflib.get_close_matches(operation, self._operations, n=1, cutoff=0)
        raise ValueError(f"{operation!a} is no operation; the nearest one is {', '.join(nearest)}")

    def _call(
        self, method: str, path: str, body: object = None, *, query: Mapping[str, str | None] | None = None
    ) -> Any:  # noqa: ANN401 - any JSON
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = Request(  # noqa: S310 - the simulator's own URL
            f"{self._control}/{path}" + (f"?{urlencode(given)}" if given else ""),
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with _opener.open(request, timeout=CONTROL_SECONDS) as answer:
                return json.load(answer)
        except HTTPError as refused:
            with refused:
                problem = refused.read().decode(errors="replace")
        with suppress(ValueError, KeyError, TypeError):  # no word of the simulator: it is said as it is
            problem = json.loads(problem)["error"]
        raise ValueError(f"the simulator does not take it: {problem}")
