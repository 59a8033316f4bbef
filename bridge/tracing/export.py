"""Spans on their way to the collector: in batches, by a thread of the SDK's, from a queue that is bounded.

A collector that is away, hangs or refuses costs spans, a log line a minute, and `FLUSH` seconds at the end of
the process; never a request.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import Final
from uuid import uuid4

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler

from bridge import __version__

log = structlog.get_logger(__name__)

FLUSH: Final = 3.0
"""Seconds at the end in which the collector may still take what is left."""

TOLD_EVERY: Final = 60.0
"""Seconds between two lines that say that spans are not exported."""

_PATH: Final = "/v1/traces"
_LOGGERS: Final = ("opentelemetry.exporter", "opentelemetry.sdk")


class Export:
    """The way out of the process. `open` it before and `close` it after the last span."""

    def __init__(self, endpoint: str, sampler: Sampler | None) -> None:
        """Make it. Raises ValueError, RuntimeError or ImportError for variables that the SDK refuses."""
        self.provider = TracerProvider(sampler, _resource(), shutdown_on_exit=False)
        self._exporter = _Counted(OTLPSpanExporter(endpoint=traces_url(endpoint)))
        self._processor = _Counting(self._exporter)  # last: it starts a thread
        self.provider.add_span_processor(self._processor)
        self._troubles = _Troubles(self)

    @property
    def outstanding(self) -> int:
        """How many spans have ended and were not taken by the collector: they wait, or are lost."""
        return self._processor.ended - self._exporter.taken

    def open(self) -> None:
        """Hear what the SDK complains about."""
        for logger in map(logging.getLogger, _LOGGERS):
            logger.addHandler(self._troubles)
            logger.propagate = False

    async def close(self) -> None:
        """Send what is left, within the bound, and say what is lost."""
        loop, flushed = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self.provider.shutdown()
            with suppress(RuntimeError):  # the bound was exceeded, and the loop is closed
                loop.call_soon_threadsafe(flushed.set)

        # A thread of the loop's own pool would be waited for, for as long as the collector hangs.
        Thread(target=flush, name="tracing flush", daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH):
                await flushed.wait()
        except TimeoutError:
            self._troubles.heard.append(f"not all was taken within {FLUSH} s")
        if self.outstanding:
            log.warning(
                "tracing.spans_lost",
                lost=self.outstanding,
                error=self._troubles.text,
                next="none: the traces of these requests have gaps",
            )
        for logger in map(logging.getLogger, _LOGGERS):
            logger.removeHandler(self._troubles)
            logger.propagate = True


class _Counting(BatchSpanProcessor):
    """Counts the spans that are to be exported."""

    ended = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Put a span into the queue."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.ended += 1
        super().on_end(span)


class _Counted(SpanExporter):
    """Counts the spans that the collector took."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called by the processor's thread only."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.taken += len(spans)
        return result

    def shutdown(self) -> None:
        """Give up what is under way."""
        self._exporter.shutdown()


class _Troubles(logging.Handler):
    """Hears what the SDK complains about, several lines for each batch, and says so once in a while."""

    def __init__(self, export: Export) -> None:
        super().__init__(logging.WARNING)
        self._export = export
        self._told = -TOLD_EVERY
        self.heard: deque[str] = deque(maxlen=3)  # why the last try failed, and what came of it

    @property
    def text(self) -> str:
        """What was heard last."""
        return "; ".join(self.heard)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note, and tell if that was long ago; called by any thread, one at a time."""
        self.heard.append(record.getMessage())
        now = time.monotonic()
        if now - self._told >= TOLD_EVERY:
            self._told = now
            log.warning(
                "tracing.not_exported",
                spans=self._export.outstanding,
                error=self.text,
                next="tried again; requests are served all the same",
            )


def traces_url(endpoint: str) -> str:
    """Return where spans are posted to: below the collector's URL, unless it says so itself."""
    base = endpoint.rstrip("/")
    return base if base.endswith(_PATH) else base + _PATH


def _resource() -> Resource:
    """Return who tells; the variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES know better."""
    ours = {
        "service.name": "lcm-bridge",
        "service.version": __version__,
        "service.instance.id": str(uuid4()),
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())
