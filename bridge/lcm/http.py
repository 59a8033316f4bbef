"""What is special about the use of aiohttp, which does all the rest: connections, TLS, answers.

A request is written here, for its head is the same in each call of a method but for the length and the key.
aiohttp would merge, check and serialise the same headers for each call, and (before Python 3.12) give the
body to a task of its own: a third of what a call cost. It would also tell only by tracing, another sixth,
that a request was sent. No private name of aiohttp is used here.
"""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from aiohttp import hdrs
from aiohttp.connector import Connection
from aiohttp.helpers import BaseTimerContext
from aiohttp.http import SERVER_SOFTWARE, StreamWriter
from multidict import CIMultiDict
from yarl import URL

from bridge.tracecontext import PARENT, STATE, TraceContext

KEY: Final = "Idempotency-Key"


class TooLong(Exception):
    """The body of an answer has more bytes than are read."""


class Stale(aiohttp.ClientConnectionError):
    """The connection was closed, or spoken on, while nobody used it: nothing was sent on it."""


class Head:
    """The head of each request to one URL. ``headers``: those that are the same in each."""

    def __init__(self, url: URL, headers: Mapping[str, str]) -> None:
        # What aiohttp would add. Those that are given replace it, in whatever case they are written.
        every = CIMultiDict(
            {
                hdrs.HOST: url.host_port_subcomponent or "",
                hdrs.ACCEPT_ENCODING: aiohttp.ClientRequest.DEFAULT_HEADERS[hdrs.ACCEPT_ENCODING],
                hdrs.USER_AGENT: SERVER_SOFTWARE,
            }
        )
        every.update(headers)
        self.url = url
        self._keyless = _head(url, every)
        every.pop(KEY, None)
        self._keyed = _head(url, every)

    def request(self, body: bytes, key: str | None, context: TraceContext | None = None) -> bytes:
        """Return a whole request; ``key`` as it stands in the header ``Idempotency-Key``."""
        head = self._keyless if key is None else b"%b%b: %b\r\n" % (self._keyed, KEY.encode(), key.encode())
        if context is not None:
            head = b"%b%b" % (head, _trace_lines(context))
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _trace_lines(context: TraceContext) -> bytes:
    lines = f"{PARENT}: {context.parent}\r\n"
    if context.state is not None:
        lines += f"{STATE}: {context.state}\r\n"
    return lines.encode("ascii")


def _head(url: URL, headers: Mapping[str, str]) -> bytes:
    lines = [f"POST {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), ""]
    return "\r\n".join(lines).encode()


class Sending:
    """One request on its way: nothing can have had an effect before it was ``sent``.

    ``allowed``: the seconds that it had when it got its place among the calls under way; None before.
    ``status``: of the answer; 0 before there is one.
    """

    __slots__ = ("allowed", "request", "sent", "status")

    def __init__(self) -> None:
        self.request = b""
        self.allowed: float | None = None
        self.sent = False
        self.status = 0


class Request(aiohttp.ClientRequest):
    """Sends a request that is whole already: the `Sending` that the session was given as ``data``.

    The headers that aiohttp adds of its own accord do not go out: they stand in the request.
    """

    def __init__(
        self,
        method: str,
        url: URL,
        *,
        data: Sending,
        timer: BaseTimerContext,
        **terms: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        super().__init__(method, url, timer=timer, **terms)
        self._sending = data
        self._bound = timer

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the whole request at once."""
        protocol = conn.protocol
        if protocol is None:
            raise AssertionError("the connection was released")
        if protocol.should_close or not protocol.is_connected():
            # aiohttp looks only at the end of a call. What came since is an answer that nobody asked for,
            # and would be taken for the one to this request.
            raise Stale
        writer = StreamWriter(protocol, self.loop)
        self._sending.sent = True
        await writer.write(self._sending.request, drain=False)
        if protocol.writing_paused:
            # A large one stays in the buffer for a while. If the answer comes before it is through, what is
            # left of it must not stand before another request.
            protocol.force_close()
        return self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._bound,
            request_info=self.request_info,
            traces=[],
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the whole body, which gives the connection back, or close it. Raises `TooLong`."""
    body = bytearray()
    try:
        while len(body) <= limit and (chunk := await response.content.readany()):
            body += chunk
    except BaseException:
        response.close()
        raise
    if len(body) > limit:
        response.close()
        raise TooLong
    return bytes(body)
