"""The end of a request says what the ledger did not do for it, even if the line about that was left out."""

import asyncio
from typing import Any, cast

import pytest
from operations.core_deliveries import delivered
from operations.core_requests import CREATE, operation, translated

from bridge.case import Case
from bridge.failures import LcmUnavailable
from bridge.metrics import Metrics
from bridge.once import Once
from bridge.operations.model import Answer
from bridge.ports import Claim, LedgerKey, StoreUnavailable
from bridge.settings import Ledger


class Away:
    """A ledger that fails at one step, or is too late."""

    def __init__(self, at: str) -> None:
        self._at = at

    def _fail(self, step: str) -> None:
        if step == self._at:
            raise StoreUnavailable("Redis is away")

    async def claim(self, key: LedgerKey, *_: Any, **__: Any) -> Claim:
        """Give the claim."""
        self._fail("claim")
        return Claim(key, "owner")

    async def complete(self, *_: Any) -> bool:
        """Tell whether it was in time."""
        self._fail("complete")
        return self._at != "late"

    async def release(self, *_: Any) -> None:
        """Take it back."""
        self._fail("release")


class Lcm:
    """Carries out, or does not answer."""

    def __init__(self, *, well: bool) -> None:
        self._well = well

    async def call(self, *_: Any, **__: Any) -> Answer:
        """Answer."""
        if not self._well:
            raise LcmUnavailable("LCM takes no calls now")
        return Answer({})

    perform = call


@pytest.mark.parametrize(
    ("message_id", "at", "well", "told"),
    [
        ("m-1", "", True, None),
        (None, "", True, "unprotected"),
        ("m-1", "claim", True, "unrecorded"),
        ("m-1", "complete", True, "not_recorded"),
        ("m-1", "late", True, "recorded_late"),
        ("m-1", "release", False, "not_released"),
    ],
)
async def test_what_the_ledger_did_not_do_is_part_of_the_account(
    message_id: str | None, at: str, told: str | None, *, well: bool
) -> None:
    """By the name of the event that says more; no key where all went well."""
    once = Once(
        ledger=cast("Any", Away(at)),
        performer=cast("Any", Lcm(well=well)),
        settings=Ledger(when_unavailable="proceed"),
        longest_call=1.0,
        draining=asyncio.Event(),
        metrics=Metrics(),
    )
    case = Case(delivered(message_id=message_id), started=0.0)
    try:
        await once.carry_out(case, operation("CreateContact"), translated("CreateContact", CREATE))
    except LcmUnavailable:
        assert not well

    assert told == case.account(0.1).get("ledger")
