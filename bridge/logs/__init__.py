"""Logs: structlog, one JSON line per event on standard output, or a console form for people.

Libraries that use standard logging come out of the same pipe, as do warnings and errors that nobody caught.
"""

from bridge.logs.masking import hide_log_ins, mask_text
from bridge.logs.setup import configure, configure_for_a_command, end
from bridge.logs.uncaught import hear_all

__all__ = ["configure", "configure_for_a_command", "end", "hear_all", "hide_log_ins", "mask_text"]
