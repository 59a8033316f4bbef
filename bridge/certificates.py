"""When the certificates expire that the settings name: early enough that somebody renews them in time."""

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bridge.credentials import Credentials, Current
from bridge.metrics import Metrics
from bridge.preflight import files_behind
from bridge.settings import Settings

_SERVERS: Final = ("amqp", "redis", "lcm")

_PEM: Final = re.compile(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.+?)-----END", re.DOTALL)

_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG: Final = 0x80


class Expiry(NamedTuple):
    """When what a file holds is of no use any more, in seconds of the Unix clock.

    ``setting`` is the dotted name, such as ``lcm.cert_file``, also for a file in the query of a URL.
    """

    server: str
    setting: str
    file: Path
    at: float


def expiries(settings: Settings) -> list[Expiry]:
    """Return the expiry of each file with certificates.

    A client shows its whole chain, so the first one counts; of several CAs, old ones and new, the last one.
    What cannot be read here is left out: whether it can be used is told where it is loaded.
    """
    found = []
    for server, name, file in files_behind(settings):
        if name == "key_file":
            continue
        if ends := list(_ends(file)):
            at = max(ends) if name == "ca_file" else min(ends)
            found.append(Expiry(server, f"{server}.{name}", file, at))
    return found


def show_expiry(credentials: Credentials, metrics: Metrics) -> None:
    """Have the metrics tell when certificates expire, and whether files wait in vain to be used."""
    current = credentials.current(expiries)
    metrics.credentials_not_reloaded.set_function(lambda: credentials.behind)
    for server in _SERVERS:
        metrics.certificate_expiry.labels(server).set_function(partial(_first, current, server))


def _first(current: Current[list[Expiry]], server: str) -> float:
    return min((one.at for one in current.now if one.server == server), default=0.0)


def _ends(file: Path) -> Iterator[float]:
    try:
        text = file.read_text(encoding="latin-1")
        yield from [_end(b64decode(body)) for body in _PEM.findall(text)]
    except (OSError, ValueError, IndexError):
        return


def _end(der: bytes) -> float:
    """Return ``notAfter`` of a certificate (RFC 5280, 4.1), in seconds of the Unix clock.

    Python's ssl tells it of CAs and of a peer, but not of the certificate that one shows, and a library for
    one date is too much. Raises ValueError, IndexError for what is no certificate.
    """
    at = _element(der, _element(der, 0).start).start
    if der[at] == _VERSION:
        at = _element(der, at).end
    for _ in ("serialNumber", "signature", "issuer"):
        at = _element(der, at).end
    not_before = _element(der, _element(der, at).start)
    not_after = _element(der, not_before.end)
    text = der[not_after.start : not_after.end].decode("ascii")
    if not_after.tag == _UTC_TIME:  # two digits of the year: 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


class _Element(NamedTuple):
    tag: int
    start: int
    end: int


def _element(der: bytes, at: int) -> _Element:
    """Return where the contents of a DER element lie (X.690, 8.1)."""
    start, length = at + 2, der[at + 1]
    if length & _LONG:
        digits = length - _LONG
        length = int.from_bytes(der[start : start + digits], "big")
        start += digits
    return _Element(der[at], start, start + length)
