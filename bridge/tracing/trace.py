"""What the work on a request tells of itself. Where tracing is off it tells nothing, at hardly any cost."""

from types import TracebackType
from typing import Final, Protocol, Self

from yarl import URL

from bridge.messages import Delivery, Outgoing
from bridge.tracecontext import TraceContext


class Span(Protocol):
    """A step that is being told of: a context manager around it, which notes the error that ends it."""

    def __enter__(self) -> TraceContext | None:
        """Begin; return the context to pass on with what the step sends."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""


class Exchange(Protocol):
    """One HTTP request and its answer."""

    @property
    def status(self) -> int:
        """The status of the answer, 0 before there is one."""


class Trace:
    """The trace of one request. This one, where tracing is off, passes the publisher's context on as it came.

    `bridge.tracing.otel` has the one that makes spans. ``context``: what goes with all that the request
    brings about, None without any.
    """

    __slots__ = ("context",)

    def __init__(self, context: TraceContext | None = None) -> None:
        self.context = context

    @property
    def id(self) -> str | None:
        """The trace id for the log, 32 hex digits."""
        return None if self.context is None else self.context.trace_id

    def step(self, name: str) -> Span | None:
        """Return the span of a step, by the name it has in `bridge.case`, or None if there is none."""
        del name
        return None

    def calling(self, url: URL, exchange: Exchange, tries: int) -> Span:
        """Return the span of an HTTP request to LCM, the so-manyeth of the same call."""
        del url, exchange, tries
        return self

    def sending(self, outgoing: Outgoing) -> Span:
        """Return the span of publishing a message; a reply or event gets the context into its headers.

        A request that is sent on (it is signed) keeps the headers that it came with.
        """
        if self.context is not None and not outgoing.signed:
            self.context.write(outgoing.properties.headers)
        return self

    def end(self, *, operation: str, outcome: str, cache: str | None, failed: bool) -> None:
        """Tell how the request ended."""

    def __enter__(self) -> TraceContext | None:
        return self.context

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


UNTRACED: Final = Trace()
"""The trace of what belongs to no request with a context."""


class Tracing:
    """Begins the trace of each request. Open it with ``async with``; this one is for where tracing is off."""

    def begin(self, delivery: Delivery) -> Trace:
        """Return the trace of a request that has just been delivered; it must be ended."""
        context = delivery.trace_context()
        return UNTRACED if context is None else Trace(context)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Bring out what is left, within a bound."""
