"""(e) What the broker itself can do: each request is answered at once, without LCM, Redis or a library.

A variant cannot be faster than this, and what it takes here is RabbitMQ's part. The broker's work is that of
the other peers: persistent requests of a quorum queue, mandatory replies with a publisher confirm each, and
an acknowledgement after that. By hand on the load's client, as the peer's own part should not be seen.
"""

import gc
import re
import struct
from typing import Final, cast

import orjson
import uvloop
from pamqp import commands, frame

from bench.amqp import CHANNEL, AmqpFailed, Client
from bench.peers.process import End, Settings, tell_ready
from bench.peers.translation import READ, SIDE_EFFECT, Call, reply_with
from bench.work import created_key, od_contact

_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_FRAME: Final = struct.Struct(">BHI")
_OVERHEAD: Final = 8
"""Bytes of a frame beside its payload: type, channel and size before it, the end mark after it."""
_END: Final = b"\xce"
_DELIVER, _ACK = struct.pack(">HH", 60, 60), struct.pack(">HH", 60, 80)
_CONTENT: Final = struct.Struct(">HHQH")  # class, weight, body size, property flags
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 1 << 15, 1 << 14, 1 << 13
_DELIVERY_MODE, _PRIORITY, _CORRELATION_ID, _REPLY_TO = 1 << 12, 1 << 11, 1 << 10, 1 << 9
_REPLY_FLAGS: Final = _CONTENT_TYPE | _DELIVERY_MODE | _CORRELATION_ID
_PERSISTENT_JSON: Final = b"\x10application/json\x02"

_KEY: Final = re.compile(rb'"UserID" ?: ?"([^"\\]+)"|<Cvalue>([0-9]+)<')


def _parts(method: str, result: object) -> list[bytes]:
    return orjson.dumps(reply_with(Call(method, {}), result)).split(b"{key}")


_REPLIES: Final = (_parts(READ, od_contact("{key}")), _parts(SIDE_EFFECT, created_key("{key}")))
"""The replies of the stand-in's contacts and creations, cut where the request's key stands."""


class Echo(Client):
    """A connection that answers what it consumes.

    The broker numbers the deliveries and the publishes of a channel from 1 on. Here each delivery makes one
    publish, in order, so that both have the same number: and as `basic.ack` has one form in both directions,
    a confirm is sent back as it came to acknowledge the request, or all of them up to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._out: list[bytes] = []
        self._reply_to = b""
        self._publish = b""
        self._correlation_id = b""

    async def answer(self, queues: tuple[str, ...], prefetch: int) -> None:
        """Consume the queues, each with `prefetch`. Raises as `call`."""
        await self.call(commands.Confirm.Select(), commands.Confirm.SelectOk)
        await self.call(commands.Basic.Qos(prefetch_count=prefetch), commands.Basic.QosOk)
        for queue in queues:
            await self.call(commands.Basic.Consume(queue=queue), commands.Basic.ConsumeOk)

    def data_received(self, data: bytes) -> None:
        """Answer what the socket brought, in one write; called by the event loop. Raises AmqpFailed."""
        if self._rest:
            data = self._rest + data
        at, end, out = 0, len(data), self._out
        while end - at >= _OVERHEAD:
            kind, _, size = _FRAME.unpack_from(data, at)
            after = at + _OVERHEAD + size
            if after > end:
                break
            if kind == _METHOD:
                self._take_any_method(data[at:after])
            elif kind == _HEADER:
                self._take_header(data, at + 7)
            elif kind == _BODY:
                out.append(self._reply(data[at + 7 : after - 1]))
            elif kind != _HEARTBEAT:
                raise AmqpFailed(f"a frame of the unknown type {kind}")
            at = after
        self._rest = data[at:]
        if out:
            self.write(b"".join(out))
            out.clear()

    def _take_any_method(self, data: bytes) -> None:
        method = data[7:11]
        if method == _ACK:
            self._out.append(data)
        elif method != _DELIVER:
            self._take_method(data)

    def _take_method(self, data: bytes) -> None:
        method = frame.unmarshal(data)[2]
        if isinstance(method, commands.Basic.Return | commands.Basic.Nack):
            self._fail(AmqpFailed(f"a reply was not taken: {method.name}"))
        else:
            super()._take_method(data)

    def _take_header(self, data: bytes, at: int) -> None:
        """Note where the reply goes; the body that follows is that of a request in a single frame."""
        _, _, _, flags = _CONTENT.unpack_from(data, at)
        at += _CONTENT.size
        if flags & _CONTENT_TYPE:
            at += 1 + data[at]
        if flags & _CONTENT_ENCODING:
            at += 1 + data[at]
        if flags & _HEADERS:
            at += 4 + int.from_bytes(data[at : at + 4], "big")
        at += bool(flags & _DELIVERY_MODE) + bool(flags & _PRIORITY)
        if not (flags & _CORRELATION_ID and flags & _REPLY_TO):
            raise AmqpFailed("a request without correlation id or reply_to")
        to = at + 1 + data[at]
        self._correlation_id = data[at:to]  # with its length before it, as it goes out again
        reply_to = data[to + 1 : to + 1 + data[to]]
        if reply_to != self._reply_to:
            publish = commands.Basic.Publish(routing_key=reply_to.decode(), mandatory=True)
            self._reply_to, self._publish = reply_to, frame.marshal(publish, CHANNEL)

    def _reply(self, body: bytes) -> bytes:
        found = _KEY.search(body)
        if found is None or found.lastindex is None:
            raise AmqpFailed(f"a request without a key: {body!r}")
        reply = found[found.lastindex].join(_REPLIES[found.lastindex - 1])
        header = _CONTENT.pack(60, 0, len(reply), _REPLY_FLAGS) + _PERSISTENT_JSON + self._correlation_id
        return b"".join(
            (
                self._publish,
                _FRAME.pack(_HEADER, CHANNEL, len(header)),
                header,
                _END,
                _FRAME.pack(_BODY, CHANNEL, len(reply)),
                reply,
                _END,
            )
        )


async def main() -> None:
    """Answer requests until SIGTERM. Raises AmqpFailed, TimeoutError or OSError when something went wrong."""
    settings = Settings.from_environment()
    end = End()
    echo = cast("Echo", await Echo.connect(settings.amqp_url))
    try:
        await echo.answer(settings.queues, settings.prefetch)
        gc.freeze()
        tell_ready()
        await echo.unless_failed(end.wait())
    finally:
        echo.abort()


if __name__ == "__main__":
    uvloop.run(main())
