"""What the settings leave open to whoever sits between the bridge and a server: it must not go unsaid."""

import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

import structlog
from yarl import URL

from bridge.bus.login import nodes
from bridge.lcm.login import login_headers
from bridge.settings import Settings
from bridge.store.login import login

log = structlog.get_logger(__name__)


class Exposure(NamedTuple):
    """The group of settings, what is ``found``, and the ``advice`` what to change."""

    server: str
    found: str
    advice: str


def tell_exposures(settings: Settings) -> None:
    """Log each one. Raises as `exposures` does."""
    for exposed in exposures(settings):
        log.warning("worker.exposed", server=exposed.server, error=exposed.found, next=exposed.advice)


def exposures(settings: Settings) -> Iterator[Exposure]:
    """Find TLS without verification, and a log-in at LCM that anybody on the way can read.

    Raises OSError, ValueError for certificate files that cannot be loaded.
    """
    contexts = [("amqp", node.tls) for node in nodes(settings.amqp)]
    contexts.append(("redis", login(settings.redis).tls))
    for server, context in dict.fromkeys(contexts):
        if context is not None and (problem := _not_verified(context)):
            advice = f"take what says so out of the query of {server}.url, and set {server}.ca_file"
            yield Exposure(server, f"{problem}: whoever pretends to be the server is let in", advice)
    url = URL(settings.lcm.base_url)
    if url.scheme == "http" and login_headers(settings.lcm) and not _is_here(url.host or ""):
        found = "the log-in goes to LCM without TLS: whoever listens can read it"
        yield Exposure("lcm", found, "write lcm.base_url with https://")


def _not_verified(context: ssl.SSLContext) -> str:
    if context.verify_mode is not ssl.CERT_REQUIRED:
        return "the server's certificate is not verified"
    return "" if context.check_hostname else "the name in the server's certificate is not verified"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
