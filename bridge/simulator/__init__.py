"""A stand-in for the LCM WebService: its wire format over HTTP, with real state behind it."""

from bridge.simulator.faults import Fault
from bridge.simulator.options import Options, Tls
from bridge.simulator.protection import Protection
from bridge.simulator.seeding import Seeding
from bridge.simulator.server import Simulator
from bridge.simulator.wire import AnswerStyle, Quotas

__all__ = ["AnswerStyle", "Fault", "Options", "Protection", "Quotas", "Seeding", "Simulator", "Tls"]
