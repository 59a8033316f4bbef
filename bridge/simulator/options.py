"""What a simulator can be told at start."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.simulator.faults import Fault
from bridge.simulator.methods import METHODS, WIRE_NAMES, Method, NoContact, SkipRefusal
from bridge.simulator.protection import Protection
from bridge.simulator.seeding import Seeding
from bridge.simulator.state import Limits
from bridge.simulator.wire import AnswerStyle, Quotas

BASE_PATH = "/lcmwebservice/contracts/lcmwcfservice.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM form. With `client_ca`, callers must show a certificate that it signed."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Build the listener's context. Raises OSError, ssl.SSLError when a file cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert, self.key)
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that is fixed at start; faults and data can be changed later through the control API.

    `seeding` None starts empty. `timezone` is an IANA name and holds for all dates in answers. `methods`
    maps wire names to operations, which are `known`; calls by another name are 404. `blank_hour` pads the
    hour of OD dates with a blank as SQL Server does. `kept_calls` is how many calls the call log keeps.
    """

    seeding: Seeding | None = field(default_factory=Seeding)
    timezone: str = "UTC"
    reservation_seconds: float = 28_800
    blank_hour: bool = False
    no_contact: NoContact = "null"
    skip_refusal: SkipRefusal = "false"
    style: AnswerStyle = field(default_factory=AnswerStyle)
    quotas: Quotas = field(default_factory=Quotas)
    methods: Mapping[str, str] = field(default_factory=lambda: WIRE_NAMES)
    known: Mapping[str, Method] = field(default_factory=lambda: METHODS)
    base_path: str = BASE_PATH
    protection: Protection = field(default_factory=Protection)
    tls: Tls | None = None
    faults: tuple[Fault, ...] = ()
    fault_seed: int = 1
    honour_idempotency_key: bool = False
    max_effects: int = 1_000_000
    kept_calls: int = 1000
    limits: Limits = field(default_factory=Limits)
