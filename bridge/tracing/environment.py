"""What OpenTelemetry's SDK reads of the environment by itself, tried before anything is connected.

Each fault is told as (name, what is wrong with it), without the value: headers hold log-ins.
"""

import logging
import os
import re
from collections.abc import Iterator
from typing import Final

from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_BSP_SCHEDULE_DELAY,
    OTEL_EXPORTER_OTLP_HEADERS,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS,
)
from opentelemetry.util.re import parse_env_headers

from bridge.tracing.export import Export

_FORM: Final = (
    "must be name=value, several of them separated by commas, as in authorization=Bearer%20TOKEN;"
    " a comma, semicolon, quote, backslash or letter beyond ASCII in a value is written as % and two digits,"
    " and there must be no line break (the value is not shown here: it may be a log-in)"
)

# By https://www.rfc-editor.org/rfc/rfc9110#section-5 in Latin 1, which is what the HTTP client writes.
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")

_VARIABLES: Final = {
    "max_queue_size": OTEL_BSP_MAX_QUEUE_SIZE,
    "schedule_delay_millis": OTEL_BSP_SCHEDULE_DELAY,
    "max_export_batch_size": OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
}
"""Where the SDK has the arguments from that it complains about."""


def environment_faults(endpoint: str) -> Iterator[tuple[str, str]]:
    """Find headers that cannot be sent, and what the SDK raises an error of; ``endpoint``: the setting."""
    yield from _headers()
    yield from _export(endpoint)


def _headers() -> Iterator[tuple[str, str]]:
    """Find headers that the SDK leaves out, or the HTTP client refuses; both quote them in what they say."""
    names = (OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_HEADERS)
    given = next((name for name in names if os.environ.get(name)), None)  # the SDK reads this one only
    if given is not None and not all(map(_sendable, os.environ[given].split(","))):
        yield given, _FORM


def _sendable(header: str) -> bool:
    if not header.strip(" \t"):
        return True
    read = parse_env_headers(header, liberal=True)
    return bool(read) and all(_NAME.fullmatch(name) and _VALUE.fullmatch(read[name]) for name in read)


def _export(endpoint: str) -> Iterator[tuple[str, str]]:
    sdk, heard = logging.getLogger("opentelemetry"), logging.NullHandler()
    propagate = sdk.propagate
    # What it only warns of, a worker has in its log.
    sdk.addHandler(heard)
    sdk.propagate = False
    try:
        Export(endpoint, None).provider.shutdown()
    except (ValueError, RuntimeError, ImportError) as error:
        text = str(error)
        for argument, variable in _VARIABLES.items():
            text = text.replace(argument, variable)
        yield "environment", f"OpenTelemetry refuses its variables: {text}"
    finally:
        sdk.removeHandler(heard)
        sdk.propagate = propagate
