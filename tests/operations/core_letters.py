"""Dead letters to put to the pure core."""

from dataclasses import replace
from typing import Any

from operations.core_deliveries import delivered

from bridge import forwarding
from bridge.letters import Letter, read
from bridge.messages import Delivery, Outgoing, Reason
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules
from bridge.strictjson import Limits

OWN_USER = "bridge"


def letter(delivery: Delivery) -> Letter:
    """Read a letter as the bridge that logs in as ``OWN_USER``."""
    return read(delivery, own_users={OWN_USER}, catalogue=Catalogue(Rules()), limits=Limits())


def written(request: Delivery, **headers: Any) -> Delivery:
    """Return the dead letter of a request as it lies in the queue."""
    outgoing = forwarding.dead_letter(
        request,
        exchange="lcm.dead-letters",
        queue="lcm.dead-letters",
        reason=Reason.RETRIES_EXHAUSTED,
        error="LCM was away",
        operation="CreateContact",
        attempts=4,
    )
    return in_the_queue(outgoing, **headers)


def in_the_queue(outgoing: Outgoing, **headers: Any) -> Delivery:
    """Return a published message as it is delivered: the broker has checked the user."""
    properties = replace(
        outgoing.properties, user_id=OWN_USER, headers={**outgoing.properties.headers, **headers}
    )
    return replace(delivered(body=outgoing.body), properties=properties)
