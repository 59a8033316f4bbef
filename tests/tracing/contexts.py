"""Trace contexts of one's own."""

from secrets import token_hex
from typing import Final

from support.requester import Reply

STATE: Final = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
"""A `tracestate` of two vendors."""


def new_trace() -> str:
    """Return a sampled `traceparent` that nobody else has."""
    return f"00-{token_hex(16)}-{token_hex(8)}-01"


def trace_of(reply: Reply) -> str:
    """Return the id of the trace that a reply goes on with."""
    return str(reply.headers["traceparent"])[3:35]
