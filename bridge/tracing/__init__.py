"""The trace of a request: the publisher's context passed on, or spans of our own (extra ``otel``).

`bridge.tracing.trace` is all that the rest knows, and all there is where tracing is off;
`bridge.tracing.otel` makes the spans, `bridge.tracing.export` sends them.
"""

import logging

# It quotes the headers that it cannot read, which are log-ins. `bridge.tracing.environment` tells of them.
logging.getLogger("opentelemetry.util.re").disabled = True
