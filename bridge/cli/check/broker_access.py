"""What to grant where RabbitMQ refuses: it names the resource, newer versions also the permission."""

import re
from collections.abc import Mapping
from typing import Final

from bridge.cli.check.broker import Broker

_REFUSED: Final = re.compile(
    r"(?:(?P<wanted>configure|write|read) )?access to (?P<kind>exchange|queue|topic) '(?P<name>[^']*)'"
    r"(?: in exchange '(?P<exchange>[^']*)')?"
)


def permit(broker: Broker, refusal: object, kinds: Mapping[str, str], *, otherwise: str) -> str:
    """Say who is to permit what.

    ``kinds``: the permission that is wanted of a resource (``queue NAME``, ``exchange NAME``) if the broker
    does not say it; ``otherwise`` that of all others.
    """
    match = _REFUSED.search(str(refusal))
    if match is None:
        return "have whoever runs RabbitMQ permit it, or see its log"
    wanted = match["wanted"] or kinds.get(f"{match['kind']} {match['name']}", otherwise)
    who = f"-p {broker.vhost} {broker.user}"
    if match["kind"] == "topic":
        command = f"rabbitmqctl set_topic_permissions {who} {match['exchange']}"
    else:
        command = f"rabbitmqctl set_permissions {who}"
    return f"have whoever runs RabbitMQ permit it: {command}, such that {wanted} matches {match['name']}"
