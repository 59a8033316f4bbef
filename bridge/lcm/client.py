"""The HTTP client: ``POST <base>/<Method>`` with one flat JSON object, bounded in every way."""

import asyncio
import math
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import quote

import aiohttp
import orjson
import structlog
from multidict import CIMultiDict
from yarl import URL

from bridge import tls
from bridge.credentials import Current
from bridge.failures import Failure, InternalError, LcmBadResponse, LcmTimeout, LcmUnavailable, WsError
from bridge.jsontypes import JsonValue
from bridge.lcm.deadlines import Deadlines
from bridge.lcm.http import Head, Request, Sending, Stale, TooLong, read_body
from bridge.lcm.login import Login, login
from bridge.lcm.wire import CREDENTIALS_REFUSED, SAYS_ALL, read_answer
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.ports import CallFailed, CallTerms
from bridge.settings import Lcm as LcmSettings

log = structlog.get_logger(__name__)

CallOutcome = Literal["ok", "refused", "fault", "unavailable", "timeout", "bad_response", "error"]
"""The label ``outcome`` of a call of LCM; ``error`` is a fault of the bridge."""

CONTENT_TYPE: Final = "application/json; charset=utf-8"

_PLAIN: Final = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What stands in ``Idempotency-Key`` as it is, besides letters and digits; the rest is percent-encoded."""


class CutShort(CallFailed):
    """The bridge's own bounds ended the call, so it says nothing about how LCM is.

    No place among its own calls, no time left, or a deadline that gave LCM less time than is fair.
    """


class LcmClient:
    """One HTTP call of LCM at a time, without any retry. Open it with ``async with``."""

    def __init__(
        self,
        settings: LcmSettings,
        metrics: Metrics,
        current: Current[Login] | None = None,
        *,
        methods: Mapping[str, str] | None = None,
    ) -> None:
        """Take the settings; ``current`` knows the log-in; without it that is what they say.

        ``methods`` are LCM's, by operation, where the names differ; ``lcm.methods`` has the last word.
        """
        self._settings = settings
        self._metrics = metrics
        self._base = settings.base_url.rstrip("/")
        named = [*(methods or {}).items(), *settings.methods.items()]
        self._methods = {name.casefold(): method for name, method in named}
        self._heads: dict[str, Head] = {}
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._current = current or Current(login(settings))
        self._login = self._current.now
        self._session: aiohttp.ClientSession | None = None
        self._deadlines: Deadlines | None = None

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._deadlines = Deadlines()
        self._session = aiohttp.ClientSession(
            # As many connections as slots: a call that has a slot never waits for a connection.
            connector=aiohttp.TCPConnector(limit=settings.concurrency, keepalive_timeout=settings.keepalive),
            cookie_jar=aiohttp.DummyCookieJar(),
            # `connect` bounds the look-up of the name, TCP and TLS together; `Deadlines` the whole.
            timeout=aiohttp.ClientTimeout(total=None, connect=settings.connect_timeout),
            trust_env=False,
            request_class=Request,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._deadlines is not None:
            self._deadlines.close()

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
        sending = Sending()
        try:
            head = self._head(method)
            body = orjson.dumps(call.parameters)
            with terms.trace.calling(head.url, sending, terms.tries.made) as context:
                sending.request = head.request(body, _key(terms.idempotency_key), context)
                result = await self._exchange(head.url, sending, started, allowed)
        except CallFailed as failed:
            self._observe(method, _outcome(failed), started)
            if failed.unreached or failed.status in CREDENTIALS_REFUSED:
                self._current.look_soon()
            raise
        except Exception as error:  # whatever nobody thought of: it must still say whether LCM may have acted
            log.exception(
                "lcm.call_fault",
                method=method,
                sent=sending.sent,
                error=f"{type(error).__name__}: {error}",
                next="a fault of the bridge: report it; the requester is told",
            )
            self._observe(method, "error", started)
            failure = InternalError(f"the call of LCM went wrong ({type(error).__name__})")
            raise CallFailed(failure, effect_possible=sending.sent) from error
        self._observe(method, "ok", started)
        return result

    def _head(self, method: str) -> Head:
        """Return what each call of a method begins with; there are as many as there are operations."""
        if self._login is not self._current.now:
            self._login = self._current.now
            self._heads.clear()
        head = self._heads.get(method)
        if head is None:
            head = self._heads[method] = Head(URL(f"{self._base}/{method}"), _headers(self._login.headers))
        return head

    def _observe(self, method: str, outcome: CallOutcome, started: float) -> None:
        self._metrics.lcm_call_seconds.labels(method, outcome).observe(time.monotonic() - started)

    async def _exchange(self, url: URL, sending: Sending, started: float, allowed: float) -> JsonValue:
        try:
            body = await self._post(url, sending, started, allowed)
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, TooLong) as error:
            if sending.status not in SAYS_ALL:
                raise self._failed(error, sending) from error
            body = b""  # where the status alone says it all, a body that breaks off is empty
        return read_answer(sending.status, body)

    async def _post(self, url: URL, sending: Sending, started: float, allowed: float) -> bytes:
        """Send a request and return the body of the answer. Raises what aiohttp does, and `TooLong`."""
        if self._session is None or self._deadlines is None:
            raise AssertionError("the client is not open")
        async with asyncio.timeout_at(None) as timeout:
            self._deadlines.watch(timeout, allowed)
            try:
                async with self._slots:
                    sending.allowed = allowed - (time.monotonic() - started)
                    # A connection that is kept serves the context that it was opened with, no other one.
                    response = await self._session.post(
                        url, data=sending, allow_redirects=False, ssl=self._login.tls
                    )
                    sending.status = response.status
                    return await read_body(response, self._settings.max_response_bytes)
            finally:
                self._deadlines.forget(timeout)

    def _failed(self, error: Exception, sending: Sending) -> CallFailed:
        """Tell what an error says about LCM, and whether it may have acted."""
        if isinstance(
            error, aiohttp.ClientConnectorError | aiohttp.InvalidURL | Stale
        ) or tls.certificate_refused(error):
            return _unreached(error)
        if isinstance(error, TimeoutError):
            return self._timed_out(error, sending)
        if isinstance(error, TooLong):
            too_long = LcmBadResponse(f"LCM's answer has more than {self._settings.max_response_bytes} bytes")
            return CallFailed(too_long, effect_possible=True, status=sending.status)
        cause = type(error).__name__
        if isinstance(
            error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError | aiohttp.http.HttpProcessingError
        ):
            broken = LcmBadResponse(f"LCM's answer broke off or is not HTTP ({cause})")
            return CallFailed(broken, effect_possible=True)
        if self._base.startswith("https:"):
            # In TLS 1.3 a request goes out before the server has seen the certificate; many cut off then.
            cause += "; if every call ends so: see lcm.cert_file and lcm.key_file, it may refuse or want them"
        return CallFailed(
            LcmUnavailable(f"the connection to LCM was cut off ({cause})"), effect_possible=True
        )

    def _timed_out(self, error: TimeoutError, sending: Sending) -> CallFailed:
        """Tell the same of a time-out: the call's own, or aiohttp's for a connection."""
        if sending.allowed is None:
            return _not_called("too many calls of LCM are under way (lcm.concurrency)")
        kind = CallFailed if self._fair(sending.allowed, connecting=not sending.sent) else CutShort
        if not sending.sent:
            return _unreached(error, kind)
        late = LcmTimeout(f"LCM did not answer within {sending.allowed:.1f} s")
        return kind(late, effect_possible=True)

    def _fair(self, allowed: float, *, connecting: bool) -> bool:
        """Tell whether LCM had time enough, so that a time-out is its fault and not the deadline's.

        Half of ``lcm.timeout`` is: below that a requester's own deadline decides, and one impatient
        requester must not open the circuit breaker for all. Asking for the whole of it would blind
        the breaker to an LCM that hangs, as most calls have some deadline. For a connection,
        ``lcm.connect_timeout`` is enough.
        """
        enough = self._settings.timeout / 2
        return allowed >= (min(enough, self._settings.connect_timeout) if connecting else enough)


def _headers(log_in: Mapping[str, str]) -> CIMultiDict[str]:
    """Each header once: one of the settings replaces ours, and its twin in another case."""
    headers = CIMultiDict({"Content-Type": CONTENT_TYPE, "Accept": "application/json"})
    for name, value in log_in.items():
        headers[name] = value
    return headers


def _key(key: str | None) -> str | None:
    """Write the key so that any text can be a header, and no two keys become one."""
    return None if key is None else quote(key, safe=_PLAIN, errors="surrogatepass")


def _unreached(error: Exception, kind: type[CallFailed] = CallFailed) -> CallFailed:
    failure = LcmUnavailable(f"LCM cannot be reached ({_cause(error)})")
    return kind(failure, effect_possible=False, unreached=True)


def _not_called(message: str) -> CutShort:
    return CutShort(LcmUnavailable(message), effect_possible=False, unreached=True)


def _cause(error: Exception) -> str:
    """Say what went wrong without the host: the requester is told this."""
    if why := tls.trouble(error, "lcm", "lcm.base_url"):
        return f"{why.found}; {why.advice}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, Stale):
        return "the connection was no longer usable"
    return "connection refused"


_OUTCOMES: Final[dict[type[Failure], CallOutcome]] = {
    LcmUnavailable: "unavailable",
    LcmTimeout: "timeout",
    LcmBadResponse: "bad_response",
}


def _outcome(failed: CallFailed) -> CallOutcome:
    if isinstance(failed.failure, WsError):
        return "fault" if failed.fault else "refused"
    return _OUTCOMES.get(type(failed.failure), "bad_response")
