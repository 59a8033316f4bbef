"""Deliveries to put to the pure core."""

from typing import Any

from bridge.messages import Delivery, Properties


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
