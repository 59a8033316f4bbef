"""The HTTP client: ``POST <base>/<Method>`` with one flat JSON object, bounded in every way."""

import asyncio
import base64
import math
import ssl
import time
from types import SimpleNamespace, TracebackType
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import orjson
import structlog
from multidict import CIMultiDict

from bridge.failures import Failure, InternalError, LcmBadResponse, LcmTimeout, LcmUnavailable, WsError
from bridge.jsontypes import JsonValue
from bridge.lcm.wire import SAYS_ALL, read_answer
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.ports import CallFailed, CallTerms
from bridge.settings import Lcm as LcmSettings

log = structlog.get_logger(__name__)

CONTENT_TYPE: Final = "application/json; charset=utf-8"

_PLAIN: Final = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What stands in ``Idempotency-Key`` as it is, besides letters and digits; the rest is percent-encoded."""


class CutShort(CallFailed):
    """The bridge's own bounds ended the call, so it says nothing about how LCM is.

    No place among its own calls, no time left, or a deadline that gave LCM less time than is fair.
    """


class LcmClient:
    """One HTTP call of LCM at a time, without any retry. Open it with ``async with``."""

    def __init__(self, settings: LcmSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._base = settings.base_url.rstrip("/")
        self._methods = {name.casefold(): method for name, method in settings.methods.items()}
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._tls = tls_context(settings)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._session = aiohttp.ClientSession(
            # As many connections as slots: a call that has a slot never waits for a connection.
            connector=aiohttp.TCPConnector(
                limit=settings.concurrency, keepalive_timeout=settings.keepalive, ssl=self._tls
            ),
            headers=_headers(settings),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            trace_configs=[_tracing()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def method(self, operation: str) -> str:
        """Return the name that an operation has on the wire."""
        return self._methods.get(operation.casefold(), operation)

    async def call(self, call: LcmCall, terms: CallTerms, *, within: float = math.inf) -> JsonValue:
        """Call LCM once, within so many seconds, and return its unwrapped result.

        The least of ``within``, ``lcm.timeout`` and what is left before the deadline bounds it. Raises
        `bridge.ports.CallFailed`; `CutShort` where that says nothing about LCM.
        """
        method = self.method(call.operation)
        allowed = min(self._settings.timeout, within)
        if terms.deadline is not None:
            allowed = min(allowed, terms.deadline - time.time())
        if allowed <= 0:
            raise _not_called("no time was left to call LCM")
        started = time.monotonic()
        progress = _Progress()
        try:
            async with _Slot(self._slots, allowed) as left:
                headers = _key_header(terms.idempotency_key)
                result = await self._post(method, orjson.dumps(call.parameters), headers, left, progress)
        except CallFailed as failed:
            self._observe(method, _outcome(failed), started)
            raise
        except Exception as error:  # whatever nobody thought of: it must still say whether LCM may have acted
            log.exception("lcm.call_fault", method=method, sent=progress.sent)
            self._observe(method, "error", started)
            failure = InternalError(f"the call of LCM went wrong ({type(error).__name__})")
            raise CallFailed(failure, effect_possible=progress.sent) from error
        self._observe(method, "ok", started)
        return result

    def _observe(self, method: str, outcome: str, started: float) -> None:
        self._metrics.lcm_call_seconds.labels(method, outcome).observe(time.monotonic() - started)

    async def _post(
        self, method: str, body: bytes, headers: dict[str, str], allowed: float, progress: "_Progress"
    ) -> JsonValue:
        if self._session is None:
            raise AssertionError("the client is not open")
        # `connect` bounds the look-up of the name, TCP and TLS together.
        timeout = aiohttp.ClientTimeout(total=allowed, connect=self._settings.connect_timeout)
        url = f"{self._base}/{method}"
        try:
            async with self._session.post(
                url,
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                return read_answer(response.status, await self._read_all(response))
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise _unreached(error) from error
        except TimeoutError as error:
            # Also aiohttp's ConnectionTimeoutError: the time was up before there was a connection.
            fair = self._fair(allowed, connecting=not progress.sent)
            if not progress.sent:
                raise _unreached(error, CallFailed if fair else CutShort) from error
            raise (CallFailed if fair else CutShort)(
                LcmTimeout(f"LCM did not answer within {allowed:.1f} s"), effect_possible=True
            ) from error
        except (
            aiohttp.ClientPayloadError,
            aiohttp.ClientResponseError,
            aiohttp.http.HttpProcessingError,
        ) as error:
            raise CallFailed(
                LcmBadResponse(f"LCM's answer broke off or is not HTTP ({type(error).__name__})"),
                effect_possible=True,
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise CallFailed(
                LcmUnavailable(f"the connection to LCM was cut off ({type(error).__name__})"),
                effect_possible=True,
            ) from error

    def _fair(self, allowed: float, *, connecting: bool) -> bool:
        """Tell whether LCM had time enough, so that a time-out is its fault and not the deadline's.

        Half of ``lcm.timeout`` is: below that a requester's own deadline decides, and one impatient
        requester must not open the circuit breaker for all. Asking for the whole of it would blind
        the breaker to an LCM that hangs, as most calls have some deadline. For a connection,
        ``lcm.connect_timeout`` is enough.
        """
        enough = self._settings.timeout / 2
        return allowed >= (min(enough, self._settings.connect_timeout) if connecting else enough)

    async def _read_all(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the body; where the status alone says it all, a body that breaks off is empty."""
        try:
            return await self._read(response)
        except (CallFailed, aiohttp.ClientError, OSError):  # OSError: also TimeoutError
            if response.status not in SAYS_ALL:
                raise
            return b""

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._settings.max_response_bytes
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit:
                response.close()
                raise CallFailed(
                    LcmBadResponse(f"LCM's answer has more than {limit} bytes"),
                    effect_possible=True,
                    status=response.status,
                )
        return bytes(body)


def _headers(settings: LcmSettings) -> CIMultiDict[str]:
    """Each header once: one of the settings replaces ours, and its twin in another case."""
    headers = CIMultiDict({"Content-Type": CONTENT_TYPE, "Accept": "application/json"})
    for name, value in log_in(settings).items():
        headers[name] = value
    return headers


def _key_header(key: str | None) -> dict[str, str]:
    """Write the key so that any text can be a header, and no two keys become one."""
    if key is None:
        return {}
    return {"Idempotency-Key": quote(key, safe=_PLAIN, errors="surrogatepass")}


class _Progress:
    """How far one request has come: nothing can have had an effect before it was sent."""

    sent = False


def _tracing() -> aiohttp.TraceConfig:
    async def note(
        _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        context.trace_request_ctx.sent = True

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(note)
    return tracing


class _Slot:
    """One of the bounded calls under way; gives the seconds that are left of the call's time."""

    def __init__(self, slots: asyncio.Semaphore, allowed: float) -> None:
        self._slots = slots
        self._allowed = allowed

    async def __aenter__(self) -> float:
        if not self._slots.locked():
            await self._slots.acquire()  # at once
            return self._allowed
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._allowed):
                await self._slots.acquire()
        except TimeoutError as error:
            raise _not_called("too many calls of LCM are under way (lcm.concurrency)") from error
        return max(0.001, self._allowed - (time.monotonic() - started))  # 0 would mean: without a bound

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release()


def log_in(settings: LcmSettings) -> dict[str, str]:
    """Return the headers by which the bridge is known to whatever guards LCM."""
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    if settings.username:
        login = f"{settings.username}:{settings.password.get_secret_value()}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
    elif token := settings.bearer_token.get_secret_value():
        headers["Authorization"] = f"Bearer {token}"
    return headers


def tls_context(settings: LcmSettings) -> ssl.SSLContext | bool:
    """Return the TLS context: the system's trust, or ``lcm.ca_file``; with a client certificate if set.

    Raises OSError (ssl.SSLError) for files that cannot be read.
    """
    if not (settings.ca_file or settings.cert_file):
        return True
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    if settings.cert_file:
        # Without a password, an encrypted key would ask for one at the terminal.
        context.load_cert_chain(settings.cert_file, settings.key_file or None, password="")
    return context


def _unreached(error: Exception, kind: type[CallFailed] = CallFailed) -> CallFailed:
    failure = LcmUnavailable(f"LCM cannot be reached ({_cause(error)})")
    return kind(failure, effect_possible=False, unreached=True)


def _not_called(message: str) -> CutShort:
    return CutShort(LcmUnavailable(message), effect_possible=False, unreached=True)


def _cause(error: Exception) -> str:
    """Say what went wrong without the host: the requester is told this."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its certificate is not trusted, or TLS failed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return "connection refused"


_OUTCOMES: Final[dict[type[Failure], str]] = {
    LcmUnavailable: "unavailable",
    LcmTimeout: "timeout",
    LcmBadResponse: "bad_response",
}


def _outcome(failed: CallFailed) -> str:
    if isinstance(failed.failure, WsError):
        return "fault" if failed.fault else "refused"
    return _OUTCOMES.get(type(failed.failure), "bad_response")
