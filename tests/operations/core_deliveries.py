"""Deliveries to put to the pure core."""

from datetime import UTC, datetime
from typing import Any

from bridge.messages import Delivery, Properties

FULL: dict[str, Any] = {
    "content_type": "application/json",
    "content_encoding": "utf-8",
    "headers": {"idempotency-key": "k", "traceparent": "t", "x-own": [1]},
    "delivery_mode": 1,
    "priority": 4,
    "correlation_id": "c",
    "reply_to": "q",
    "expiration": "5000",
    "message_id": "m",
    "timestamp": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    "message_type": "x",
    "user_id": "widget",
    "app_id": "a",
}
"""Every property that a request may have."""


class Unsettled:
    """A settler that is never asked for anything: the pure core settles nothing."""

    lost = False

    async def ack(self) -> None:
        """Fail the test."""
        raise AssertionError("acknowledged")

    async def requeue(self, *, failed: bool) -> None:
        """Fail the test."""
        raise AssertionError("given back in vain" if failed else "given back")


def delivered(*, body: bytes = b"{}", received: float = 1_700_000_000.0, **properties: Any) -> Delivery:
    """Return a delivery with these properties."""
    return Delivery(
        body=body,
        properties=Properties(**properties),
        queue="lcm.requests.agent",
        exchange="lcm.requests",
        routing_key="LCM.WebService.GetReservedContactOD",
        redelivered=False,
        settler=Unsettled(),
        received=received,
    )
