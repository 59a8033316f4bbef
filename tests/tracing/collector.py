"""An OpenTelemetry collector in this process: takes OTLP/HTTP, and keeps the spans."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from support.worker import until


@dataclass(frozen=True)
class Span:
    """A span as it was received; ids in hex, ``parent`` empty without one."""

    name: str
    kind: str
    trace_id: str
    id: str
    parent: str
    state: str
    links: list[str]
    failed: bool
    attributes: dict[str, Any]
    began: int
    ended: int

    @property
    def place(self) -> str:
        """Its context as a header ``traceparent`` has it, without the flags."""
        return f"00-{self.trace_id}-{self.id}"


@dataclass
class Collector:
    """What was received; ``answer`` is the status by which requests are answered, or None for never."""

    answer: int | None = 200
    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    scopes: list[tuple[str, str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Serve ``POST /v1/traces``."""
        body = await request.read()
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.answer is None:
            await asyncio.Event().wait()
        if self.answer != 200:
            return web.Response(status=self.answer or 500)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(_plain(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.scopes.append((scope.scope.name, scope.scope.version, scope.schema_url))
                self.spans += map(_span, scope.spans)
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    def of(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace, in the order in which they began."""
        found = [span for span in self.spans if span.trace_id == trace_id]
        return sorted(found, key=lambda span: (span.began, -span.ended))

    async def until_told(self, trace_id: str, requests: int = 1) -> list[Span]:
        """Wait until so many requests of a trace have ended; return its spans."""
        await until(
            lambda: requests <= sum(span.kind == "CONSUMER" for span in self.of(trace_id)),
            f"{requests} requests of trace {trace_id}",
        )
        return self.of(trace_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Collector"]:
        """Listen for the length of a block."""
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/v1/traces", self.take)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


def tree(spans: list[Span], publisher: str = "") -> list[tuple[str, str, str]]:
    """Return (parent's name, kind, name) of each span; the publisher's is named so."""
    names = {span.id: span.name for span in spans} | {publisher[36:52]: "publisher", "": ""}
    return [(names[span.parent], span.kind, span.name) for span in spans]


def named(spans: list[Span], start: str) -> Span:
    """Return the one span whose name begins so."""
    [found] = [span for span in spans if span.name.startswith(start)]
    return found


def _span(sent: Sent) -> Span:
    return Span(
        name=sent.name,
        kind=Sent.SpanKind.Name(sent.kind).removeprefix("SPAN_KIND_"),
        trace_id=sent.trace_id.hex(),
        id=sent.span_id.hex(),
        parent=sent.parent_span_id.hex(),
        state=sent.trace_state,
        links=[f"00-{link.trace_id.hex()}-{link.span_id.hex()}" for link in sent.links],
        failed=sent.status.code == Status.StatusCode.STATUS_CODE_ERROR,
        attributes=_plain(sent.attributes),
        began=sent.start_time_unix_nano,
        ended=sent.end_time_unix_nano,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")
