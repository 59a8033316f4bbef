"""What is published again after an attempt that the broker did not confirm."""

import time

from operations.core_deliveries import delivered

from bridge.case import Case
from bridge.messages import Outgoing
from bridge.metrics import Metrics
from bridge.outbox import Addresses, Outbox
from bridge.ports import Confirmation, PublishFailed


class SlowBroker:
    """A sender whose confirms come too late until the last one."""

    def __init__(self, late: int) -> None:
        self.sent: list[Outgoing] = []
        self._late = late

    async def publish(self, outgoing: Outgoing) -> Confirmation:
        """Take it, and say so in time or not."""
        self.sent.append(outgoing)
        if len(self.sent) <= self._late:
            raise PublishFailed("not confirmed within 0 s")
        return Confirmation.CONFIRMED


async def test_a_request_that_may_have_been_parked_twice_counts_as_delivered_before() -> None:
    """The first one does not: only what has no key, and comes back twice, must not be carried out twice."""
    broker = SlowBroker(late=1)
    outbox = Outbox(broker, Addresses("events", "letters", "letters", "{}.{}".format), Metrics())

    await outbox.park(Case(delivered(), time.monotonic()), 200, attempts=0, why="LCM is away")

    assert [None, True] == [one.properties.headers.get("x-redelivered") for one in broker.sent]
    assert ["lcm.requests.agent.200"] * 2 == [one.routing_key for one in broker.sent]
