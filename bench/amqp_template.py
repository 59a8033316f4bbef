"""A request as prebuilt AMQP frames, into which only its identity and a key are put."""

from datetime import UTC, datetime

from pamqp import body, commands, frame, header

from bench.amqp import CHANNEL, FRAME_OVERHEAD


class Template:
    """A persistent JSON request whose only varying parts are its identity and a key in its body.

    `opening` and `rest` are the body before and after the key; `identity_length` and `key_length` are the
    bytes of what is put in. The identity is message id and correlation id at once. Raises ValueError where
    the key would not stand in the first frame of the body.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the message
        self,
        *,
        queue: str,
        reply_to: str,
        opening: bytes,
        rest: bytes,
        identity_length: int,
        key_length: int,
        frame_max: int,
    ) -> None:
        self._identity_length = identity_length
        self._reply_to = reply_to
        self._publish = frame.marshal(commands.Basic.Publish(routing_key=queue), CHANNEL)
        whole = opening + bytes(key_length) + rest
        self._size = len(whole)
        room = frame_max - FRAME_OVERHEAD
        if len(opening) + key_length > room:
            raise ValueError("the key must stand in the first frame of the body")
        frames = b"".join(
            frame.marshal(body.ContentBody(whole[at : at + room]), CHANNEL)
            for at in range(0, self._size, room)
        )
        start = FRAME_OVERHEAD - 1 + len(opening)
        self._opening, self._tail = frames[:start], frames[start + key_length :]
        self._second = 0
        self._parts = (b"", b"", b"")

    def stamp(self, now: float) -> None:
        """Give what is published from now on the timestamp `now`, in unix seconds."""
        if int(now) == self._second:
            return
        self._second = int(now)
        identity = "0" * self._identity_length
        properties = commands.Basic.Properties(
            content_type="application/json",
            delivery_mode=2,
            correlation_id=identity,
            reply_to=self._reply_to,
            message_id=identity,
            timestamp=datetime.fromtimestamp(self._second, UTC),
        )
        head = frame.marshal(header.ContentHeader(0, self._size, properties), CHANNEL)
        first, second, last = head.split(identity.encode())
        self._parts = (self._publish + first, second, last + self._opening)

    def fill(self, identity: bytes, key: bytes) -> bytes:
        """Return the frames of one request. `stamp` must have been called before."""
        first, second, third = self._parts
        return b"".join((first, identity, second, identity, third, key, self._tail))
