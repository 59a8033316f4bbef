"""A request's properties, as bytes of a content header or as values of AMQP: read, noted on and sent on.

Only `InvalidEnvelope` comes of a key or a deadline that is none, and the request can always be dead-lettered.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from pamqp import commands
from pamqp.header import ContentHeader

from bridge import forwarding, letters
from bridge.bus.content import publish_frames
from bridge.bus.frames import START
from bridge.bus.wire import CONTENT, FAULTS, read_properties
from bridge.failures import InvalidEnvelope
from bridge.messages import Delivery, Outgoing, Properties, Reason
from bridge.replies import event
from fuzz.picks import Picks
from fuzz.targets.site import CATALOGUE, LIMITS

WORDS: Final = (
    *(
        b"x-deadline",
        b"idempotency-key",
        b"traceparent",
        b"tracestate",
        b"x-attempts",
        b"x-death",
        b"x-held-since",
    ),
    *(
        b"x-delivery-count",
        b"x-redelivered",
        b"x-original-user-id",
        b"x-reason",
        b"lcm-bridge",
        b"S\0\0\0",
        b"F\0\0\0",
    ),
    *(
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"T\xff\xff\xff\xff\xff\xff\xff\xff",
        b"A\0\0\0",
    ),
)

OWN_USER: Final = "lcm-bridge"
FRAME_MAX: Final = 131_072
_ARRIVED: Final = 1_700_000_000.0
_NAMES: Final = (
    *(name.decode() for name in WORDS[:11]),
    *(
        "x-dead-lettered-at",
        "x-effect-done",
        "x-original-exchange",
        "x-original-routing-key",
        "x-message-id-made",
    ),
    *(
        "x-original-expiration",
        "CC",
        "BCC",
        "x-first-death-queue",
        "x-operation",
        "x-error",
        "x-bridge-unreadable",
    ),
)
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 0.5, float("nan"), float("inf"), Decimal("1.5")),
    *(
        "",
        "0",
        "1700000000000",
        "9" * 40,
        "\u0661",
        "x" * 300,
        "x" * 70_000,
        "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    ),
    *(
        b"\xff",
        b"",
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
        [],
        {},
        [{}],
        {"a": [None]},
    ),
    *(
        "outcome-unknown",
        "SkipManualDialContact",
        [{"queue": "q", "reason": "expired", "routing-keys": ["a"]}],
    ),
    *("a=1,b=2", "a=\r\nHost: b", "01-" + "1" * 32 + "-" + "2" * 16 + "-00-more"),
)


class _Unsettled:
    """Settles nothing, for nothing here comes to its end."""

    lost = False

    async def ack(self) -> None:
        """Never come here."""
        raise AssertionError

    async def requeue(self, *, failed: bool) -> None:
        """Never come here."""
        raise AssertionError(failed)


def check(data: bytes) -> None:
    """Read properties, and do with them all that is done before a request is translated."""
    picks = Picks(data)
    flags = picks.number(7)
    properties, unreadable = read_properties(_header(picks) if flags & 1 else picks.rest())
    given = Delivery(
        body=b"{}",
        properties=properties,
        queue="lcm.requests.agent",
        exchange="lcm.requests",
        routing_key="LCM.WebService.SkipManualDialContact",
        redelivered=bool(flags & 2),
        settler=_Unsettled(),
        unreadable=unreadable,
        received=_ARRIVED,
    )
    if flags & 4:
        given.properties.user_id = OWN_USER
    request = forwarding.received(given, {OWN_USER})
    deadline = None
    try:
        deadline, key = request.deadline(), request.key()
        if key is not None and not all(0 < len(part) <= 255 for part in key.parts):  # noqa: PLR2004 - AMQP's
            raise AssertionError(key)
    except InvalidEnvelope as invalid:
        if len(invalid.message) > 200:  # noqa: PLR2004 - a line
            raise AssertionError(invalid.message) from invalid
    else:
        route = CATALOGUE.operations[0].routes[0]
        _fits(event(request, route.reply, {"subtopic": "x"}, exchange="e"))
    context = request.trace_context()
    if context is not None and not f"{context.parent}{context.state or ''}".isprintable():
        raise AssertionError(context)
    if (waited := request.waited()) is not None and not waited >= 0:
        raise AssertionError(waited)
    _sent_on(request, deadline)
    letters.read(given, own_users={OWN_USER}, catalogue=CATALOGUE, limits=LIMITS)


def _header(picks: Picks) -> bytes:
    headers: dict[str, Any] = {}
    for _ in range(picks.number(8)):
        name = picks.text()[:60] if picks.number(5) == 1 else picks.one_of(_NAMES)
        headers[name] = picks.text() if picks.flag() else picks.one_of(_VALUES)
    given: dict[str, Any] = {"headers": headers}
    for name in ("expiration", "message_id", "reply_to", "correlation_id", "user_id", "content_type"):
        if picks.flag():
            given[name] = picks.one_of(
                ("1000", "0", "9" * 60, "m", "amq.rabbitmq.reply-to.x", picks.text()[:60])
            )
    if picks.flag():
        given["timestamp"] = picks.one_of([one for one in _VALUES if isinstance(one, datetime)])
    try:
        return ContentHeader(0, 2, commands.Basic.Properties(**given)).marshal()
    except FAULTS:
        return CONTENT.pack(60, 0, 2) + b"\0\0"


def _sent_on(request: Delivery, deadline: float | None) -> None:
    """See that what is parked or dead-lettered can be written, and comes back as it was."""
    letter = forwarding.dead_letter(
        request,
        exchange="lcm.dead",
        queue="lcm.dead",
        reason=Reason.EXPIRED,
        error="e" * 5000,
        operation="SkipManualDialContact",
        attempts=1,
    )
    _fits(letter)
    parked = forwarding.parked(request, queue="q", attempts=1, deadline=deadline, held=True)
    back = _fits(parked)
    back.user_id = OWN_USER  # the broker vouches for it
    returned = forwarding.received(
        Delivery(
            body=b"{}",
            properties=back,
            queue="q",
            exchange="",
            routing_key="q",
            redelivered=False,
            settler=_Unsettled(),
        ),
        {OWN_USER},
    )
    if (returned.properties.message_id or None) != (request.properties.message_id or None):
        raise AssertionError(returned.properties.message_id)


def _fits(outgoing: Outgoing) -> Properties:
    frames = publish_frames(1, outgoing, outgoing.properties, FRAME_MAX)
    _, _, size = START.unpack_from(frames)
    header = START.size + size + 1
    _, _, length = START.unpack_from(frames, header)
    if length > FRAME_MAX - 8:
        raise AssertionError(length)
    found, unreadable = read_properties(frames[header + START.size : header + START.size + length])
    if unreadable:
        raise AssertionError(unreadable)
    return found
