"""What is checked of LCM: the page of the service is read, which has no effect whatever LCM answers."""

import asyncio
import os
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from bridge import tls
from bridge.cli.check.finding import Finding, clock, expiry, failed, ok, timed, warning
from bridge.lcm.login import login_headers, tls_context
from bridge.settings import Lcm, Settings

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")

_UNREACHED: Final = (aiohttp.ClientConnectionError, OSError, TimeoutError)


async def check(settings: Settings, seconds: float) -> list[Finding]:
    """Return what was found within so many seconds."""
    lcm = settings.lcm
    url = URL(lcm.base_url)
    bound = min(lcm.connect_timeout, seconds / 2)  # what hangs later is another fault
    found: list[Finding] = []
    try:
        async with asyncio.timeout(seconds):
            started = time.monotonic()
            try:
                async with asyncio.timeout(bound):
                    certificate = await _connect(lcm, url)
            except _UNREACHED as error:
                text, advice = _why(error, bound)
                return [failed("connection", f"{url.host}:{url.port}: {text}", advice + _proxies())]
            way = "TLS" if url.scheme == "https" else "no TLS"
            took = time.monotonic() - started
            found.append(timed(ok("connection", f"{url.host}:{url.port}, {way}"), took))
            if certificate is not None:
                found.append(_certificate(certificate))
            return found + await _answer(lcm)
    except TimeoutError:
        advice = "it takes connections and hangs: have whoever runs LCM look at it"
        return [*found, failed("answer", f"no answer within {seconds:.0f} s", advice)]


async def _connect(lcm: Lcm, url: URL) -> dict[str, Any] | None:
    """Connect as the bridge does; return the certificate that is shown. Raises what `_UNREACHED` lists."""
    context = tls_context(lcm)
    secure = context if url.scheme == "https" and isinstance(context, ssl.SSLContext) else None
    _, writer = await asyncio.open_connection(url.host, url.port, ssl=secure)
    certificate: dict[str, Any] | None = writer.get_extra_info("peercert")
    # Nobody waits for the other side's goodbye.
    writer.transport.abort()
    return certificate


def _why(error: Exception, bound: float) -> tuple[str, str]:
    """Say why it could not be reached, and what to do."""
    if known := tls.trouble(error, "lcm", "lcm.base_url"):
        return known
    if isinstance(error, socket.gaierror):
        return (
            f"its name is not known ({error})",
            "correct the host in lcm.base_url, or the DNS of this namespace",
        )
    if isinstance(error, TimeoutError):
        return (
            f"no connection within {bound:g} s",
            "a firewall or network policy between here and there, or the wrong port in lcm.base_url",
        )
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there", "is LCM running, and lcm.base_url (BRIDGE_LCM__BASE_URL) right?"
    return f"{type(error).__name__}: {error}", "have whoever runs LCM, or the network to it, look at it"


def _proxies() -> str:
    names = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    return f". {' and '.join(names)} is set; the bridge uses no proxy" if names else ""


def _certificate(certificate: dict[str, Any]) -> Finding:
    until = ssl.cert_time_to_seconds(certificate["notAfter"])
    return expiry("certificate", until, "have whoever runs LCM renew it: then no call succeeds any more")


async def _answer(lcm: Lcm) -> list[Finding]:
    before, started = time.time(), time.monotonic()
    try:
        async with (
            aiohttp.ClientSession(headers=login_headers(lcm), trust_env=False) as session,
            session.get(lcm.base_url, ssl=tls_context(lcm), allow_redirects=False) as response,
        ):
            took, after = time.monotonic() - started, time.time()
            return [timed(_status(response), took), *_clock(response.headers.get("Date"), before, after)]
    except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as error:
        if known := tls.trouble(error, "lcm", "lcm.base_url"):
            return [failed("answer", *known)]
        advice = "is that LCM? See lcm.base_url, and what stands between"
        if lcm.base_url.startswith("https:"):  # many servers only cut off where they want another certificate
            advice += "; does it want a client certificate, lcm.cert_file?"
        return [failed("answer", f"no HTTP: {type(error).__name__}: {error}", advice)]


def _status(response: aiohttp.ClientResponse) -> Finding:
    found = f"HTTP {response.status}"
    if response.status in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    ):
        advice = "correct lcm.username and lcm.password, lcm.bearer_token, lcm.headers or lcm.cert_file"
        return failed("answer", f"{found}: the bridge's credentials were refused", advice)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return warning(
            "answer",
            f"{found}: LCM, or what stands before it, is not well",
            "have whoever runs LCM look at it",
        )
    if response.status == HTTPStatus.NOT_FOUND:
        return warning(
            "answer",
            f"{found}: there is no such page",
            "is the path of lcm.base_url right? A service that shows no page may answer so too: "
            "try lcm-bridge request with a read",
        )
    if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
        advice = "the bridge does not follow: correct lcm.base_url"
        return warning("answer", f"{found}: {_elsewhere(response)}", advice)
    return ok("answer", f"{found}: reachable")


def _elsewhere(response: aiohttp.ClientResponse) -> str:
    """Say where a redirect leads to, without what may be a log-in."""
    location = response.headers.get("Location")
    if not location:
        return "it says no place to go to"
    try:
        place = response.url.join(URL(location)).with_query(None).with_fragment(None).with_user(None)
    except ValueError:
        return "it leads to a place that cannot be read"
    return f"it leads to {place}"


def _clock(date: str | None, before: float, after: float) -> list[Finding]:
    """Compare the header Date, which tells whole seconds, with the moments before and after the request."""
    if date is None:
        return [ok("clock", "LCM does not tell its time (no header Date)")]
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return [
            warning("clock", f"the header Date cannot be read: {date}", "have whoever runs LCM look at it")
        ]
    skew = theirs - after if theirs > after else min(theirs + 1 - before, 0.0)
    matters = "contacts leave the cache too early or too late (ExpiryTime; see lcm.timezone too)"
    return [clock(skew, "the clock of LCM", matters)]
