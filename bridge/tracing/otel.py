"""Spans of the work on each request, by OpenTelemetry's semantic conventions. Needs the extra ``otel``.

    process <queue>            CONSUMER   delivery to settled
      ledger claim, contact cache, ...   INTERNAL   a step that waits for Redis
      POST                     CLIENT     each HTTP request to LCM
      send <destination>       PRODUCER   the reply, the event, the dead letter, the way to a delayed queue

By the conventions 1.44 for messaging (RabbitMQ) and HTTP, https://opentelemetry.io/docs/specs/semconv/; the
names of attributes stand in `bridge.tracing.attributes`. Nothing that holds a phone number, an agent or
a body is among them.
"""

import os
import re
from types import TracebackType
from typing import Final, Self

from opentelemetry.context import Context
from opentelemetry.sdk.environment_variables import OTEL_TRACES_SAMPLER
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.util.types import AttributeValue
from pydantic import SecretStr
from yarl import URL

from bridge import __version__
from bridge.messages import Delivery, Outgoing
from bridge.settings import Tracing as TracingSettings
from bridge.tracecontext import PARENT, TraceContext
from bridge.tracing import attributes as attr
from bridge.tracing.export import Export
from bridge.tracing.trace import Exchange, Span, Trace, Tracing

Attributes = dict[str, AttributeValue]

# INTERNAL, not those of a database's client: one step can be several commands to Redis, and the commands of
# requests that are worked on together share round trips.
_STEPS: Final = {"claim": "ledger claim", "record": "ledger record", "cache": "contact cache"}
"""Names of the spans of steps. LCM and the broker, which are not here, have spans of their own kind."""

_REPLY_TO: Final = "{reply_to}"
"""Stands for reply queues, of which each requester has its own; their names may tell who that is."""

_DEFAULT_EXCHANGE: Final = "amq.default"
_TELLS_NOTHING: Final = re.compile(r"[A-Za-z_.-]{1,128}")
"""Routing keys that are shown: publishers choose them freely, and one with digits may hold a phone number."""


class Spans(Tracing):
    """Makes spans, and has them sent to a collector."""

    def __init__(self, settings: TracingSettings, amqp_url: SecretStr) -> None:
        sampler = None  # the SDK's own, which the variable names
        if OTEL_TRACES_SAMPLER not in os.environ:
            sampler = ParentBasedTraceIdRatio(settings.sample_ratio)
        self._export = Export(settings.endpoint, sampler)
        self._maker = _Maker(self._export.provider, amqp_url)

    def begin(self, delivery: Delivery) -> Trace:
        """Begin the span of a request."""
        return self._maker.process(delivery, delivery.trace_context())

    async def __aenter__(self) -> Self:
        self._export.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._export.close()


class _Maker:
    """Makes spans with what is the same in each of them."""

    def __init__(self, provider: TracerProvider, amqp_url: SecretStr) -> None:
        self.tracer: Tracer = provider.get_tracer("lcm-bridge", __version__, attr.SCHEMA)
        broker = _broker(amqp_url)
        self._process: Attributes = {
            **broker,
            attr.SYSTEM: "rabbitmq",
            attr.OPERATION_NAME: "process",
            attr.OPERATION_TYPE: "process",
        }
        self._send: Attributes = {
            **broker,
            attr.SYSTEM: "rabbitmq",
            attr.OPERATION_NAME: "send",
            attr.OPERATION_TYPE: "send",
        }
        self._calls: dict[str, Attributes] = {}

    def process(self, delivery: Delivery, given: TraceContext | None) -> Trace:
        """Begin the span of a request, as a child of the publisher's.

        The conventions correlate by links, and allow the parent besides, "exclusively for single messages
        scenarios" and where nothing else could be the parent
        (messaging-spans, 'Message creation context as parent of "Process" span'). Both hold here.
        """
        origin = None if given is None else _span_context(given)
        span = self.tracer.start_span(
            f"process {delivery.queue}",
            Context() if origin is None else set_span_in_context(NonRecordingSpan(origin), Context()),
            SpanKind.CONSUMER,
            self._of_delivery(delivery),
            links=() if origin is None else (Link(origin),),
        )
        own = span.get_span_context()
        if not own.is_valid:  # OTEL_SDK_DISABLED
            return Trace(given)
        if not span.is_recording():
            return Trace(context_of(own))
        return _Recorded(self, span, origin)

    def _of_delivery(self, delivery: Delivery) -> Attributes:
        shown = self._process.copy()
        routing_key = delivery.routing_key if _TELLS_NOTHING.fullmatch(delivery.routing_key) else ""
        # "{exchange}:{routing key}:{queue}", without those that are empty or would come twice.
        parts = [delivery.exchange, routing_key, "" if routing_key == delivery.queue else delivery.queue]
        shown[attr.DESTINATION_NAME] = ":".join(part for part in parts if part)
        shown[attr.DESTINATION_TEMPLATE] = delivery.queue
        if routing_key:
            shown[attr.ROUTING_KEY] = routing_key
        _add_message(shown, delivery.properties.message_id, delivery.properties.correlation_id, delivery.body)
        return shown

    def send(self, outgoing: Outgoing) -> tuple[str, Attributes]:
        """Return name and attributes of the span of publishing."""
        shown = self._send.copy()
        exchange, routing_key = outgoing.exchange, outgoing.routing_key
        if exchange or outgoing.signed:  # an event, a dead letter or a parked request: destinations of ours
            destination = f"{exchange}:{routing_key}" if exchange else routing_key
            shown[attr.DESTINATION_NAME] = destination
            shown[attr.ROUTING_KEY] = routing_key
        else:
            destination = _REPLY_TO
            shown[attr.DESTINATION_NAME] = _DEFAULT_EXCHANGE
            shown[attr.DESTINATION_TEMPLATE] = destination
            shown[attr.DESTINATION_TEMPORARY] = True
        _add_message(shown, outgoing.properties.message_id, outgoing.properties.correlation_id, outgoing.body)
        return f"send {destination}", shown

    def call(self, url: URL) -> Attributes:
        """Return the attributes of a call; there are as many URLs as operations."""
        text = str(url)
        shown = self._calls.get(text)
        if shown is None:
            shown = self._calls[text] = {attr.METHOD: "POST", attr.URL: text}
            shown[attr.SERVER_ADDRESS] = url.host or ""
            shown[attr.SERVER_PORT] = url.port or 0
        return shown


class _Recorded(Trace):
    """The trace of a request whose spans are recorded."""

    __slots__ = ("_inside", "_maker", "_origin", "_span")

    def __init__(self, maker: _Maker, span: OtelSpan, origin: SpanContext | None) -> None:
        super().__init__(context_of(span.get_span_context()))
        self._maker = maker
        self._span = span
        self._origin = origin
        self._inside = set_span_in_context(span, Context())

    def step(self, name: str) -> Span | None:
        """Return the span of a step that waits for Redis."""
        shown = _STEPS.get(name)
        return None if shown is None else self._child(shown, SpanKind.INTERNAL, {})

    def calling(self, url: URL, exchange: Exchange, tries: int) -> Span:
        """Return the span of an HTTP request to LCM."""
        shown = self._maker.call(url)
        if tries > 1:
            shown = {**shown, attr.RESEND_COUNT: tries - 1}
        return self._child("POST", SpanKind.CLIENT, shown, exchange=exchange)

    def sending(self, outgoing: Outgoing) -> Span:
        """Return the span of publishing a message, whose context the message bears.

        A request that is sent on keeps the context that it came with: "this context SHOULD NOT be modified"
        but linked to, and then the span's kind is CLIENT (messaging-spans, "Producer spans" and "Span kind").
        """
        name, shown = self._maker.send(outgoing)
        headers = outgoing.properties.headers
        if outgoing.signed and PARENT in headers:
            links = () if self._origin is None else (Link(self._origin),)
            return self._child(name, SpanKind.CLIENT, shown, links=links)
        child = self._child(name, SpanKind.PRODUCER, shown)
        child.context().write(headers)
        return child

    def end(self, *, operation: str, outcome: str, cache: str | None, failed: bool) -> None:
        """Tell how the request ended."""
        shown: Attributes = {attr.OPERATION: operation, attr.OUTCOME: outcome}
        if cache is not None:
            shown[attr.CACHE] = cache
        self._span.set_attributes(shown)
        if failed:
            _fail(self._span, outcome)
        self._span.end()

    def _child(
        self,
        name: str,
        kind: SpanKind,
        shown: Attributes,
        *,
        links: tuple[Link, ...] = (),
        exchange: Exchange | None = None,
    ) -> "_Child":
        span = self._maker.tracer.start_span(name, self._inside, kind, shown, links=links)
        return _Child(span, exchange)


class _Child:
    """One span within that of a request; it began when it was made."""

    __slots__ = ("_exchange", "_span")

    def __init__(self, span: OtelSpan, exchange: Exchange | None) -> None:
        self._span = span
        self._exchange = exchange

    def context(self) -> TraceContext:
        """Return its context; most have no use for it, and it takes 5 us to write."""
        return context_of(self._span.get_span_context())

    def __enter__(self) -> TraceContext | None:
        return None if self._exchange is None else self.context()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._exchange is not None and self._exchange.status:
            self._span.set_attribute(attr.STATUS_CODE, self._exchange.status)
        if error is not None:
            # No description: what an error says may quote what LCM or a stranger wrote.
            _fail(self._span, getattr(error, "error_type", None) or type(error).__name__)
        self._span.end()


def _fail(span: OtelSpan, error_type: str) -> None:
    span.set_attribute(attr.ERROR_TYPE, error_type)
    span.set_status(StatusCode.ERROR)


def _add_message(shown: Attributes, message_id: str | None, correlation_id: str | None, body: bytes) -> None:
    if message_id:
        shown[attr.MESSAGE_ID] = message_id
    if correlation_id:
        shown[attr.CONVERSATION_ID] = correlation_id
    shown[attr.BODY_SIZE] = len(body)


def _broker(url: SecretStr) -> Attributes:
    """Return where the broker is; of several nodes it is not known which one."""
    urls = url.get_secret_value().split(",")
    if len(urls) > 1:
        return {}
    place = URL(urls[0].strip())
    port = place.explicit_port or (5671 if place.scheme == "amqps" else 5672)
    return {attr.SERVER_ADDRESS: place.host or "", attr.SERVER_PORT: port}


def _span_context(given: TraceContext) -> SpanContext:
    _, trace_id, span_id, flags = given.parent.split("-")
    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=TraceState.from_header([given.state]) if given.state else None,
    )


def context_of(span: SpanContext) -> TraceContext:
    """Return a span's context as it is passed on."""
    return TraceContext(
        f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}",
        span.trace_state.to_header() or None if span.trace_state else None,
    )
