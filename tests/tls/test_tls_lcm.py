"""LCM behind TLS and a guard: what is taken anew, and what is said of a refusal."""

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext, TLSVersion

import pytest
import uvloop
from lcm.lcm_servers import OD, ONCE, failure_of
from support.pki import Pair
from tls.secure_servers import Certificates, Mount, lcm_login, pem, watched

from bridge.credentials import Current
from bridge.lcm.client import LcmClient
from bridge.lcm.login import Login
from bridge.metrics import Metrics
from bridge.ports import CallFailed
from bridge.settings import Lcm
from bridge.simulator import Options, Protection, Simulator, Tls

HTTPS = "https://127.0.0.1:1/lcm.svc"


@asynccontextmanager
async def client(current: Current[Login], url: str) -> AsyncIterator[LcmClient]:
    """Open a client of LCM that goes by what is current."""
    lcm = Lcm.model_validate({"base_url": url, "timeout": 10.0})
    async with LcmClient(lcm, Metrics(), current) as opened:
        yield opened


@pytest.mark.parametrize(
    ("protection", "variable"),
    [
        (Protection(bearer_token="right"), "BRIDGE_LCM__BEARER_TOKEN"),
        (Protection(basic_user="u", basic_password="right"), "BRIDGE_LCM__PASSWORD"),
    ],
)
async def test_lcm_takes_a_new_log_in(
    mount: Mount, monkeypatch: pytest.MonkeyPatch, protection: Protection, variable: str
) -> None:
    """A call that is refused has the files looked at soon; the next one is let in, by the same connection."""
    monkeypatch.setattr("bridge.credentials.INTERVAL", 1000.0)
    if protection.basic_user:
        monkeypatch.setenv("BRIDGE_LCM__USERNAME", protection.basic_user)
    async with Simulator(Options(protection=protection)).running() as simulator:
        secrets = mount("lcm", simulator.base_url, {variable: "wrong"})
        credentials = watched()
        current = lcm_login(credentials)
        watch = asyncio.create_task(credentials.watch())
        async with asyncio.timeout(20), client(current, simulator.base_url) as lcm:
            await failure_of(lcm, OD)
            before = current.now
            secrets.change({variable: "right"})
            assert "credentials" in str(await failure_of(lcm, OD))
            while before is current.now:
                await asyncio.sleep(0.01)
            assert isinstance(await lcm.call(OD, ONCE), dict)
        watch.cancel()
        await asyncio.wait([watch])


async def test_lcm_sees_a_new_certificate(mount: Mount, certificates: Certificates) -> None:
    """An expired client certificate is replaced, and LCM's CA by another one."""
    pki = certificates.pki
    secrets = mount("lcm", HTTPS, pem(pki.other, certificates.expired_client))
    current = lcm_login(watched())
    tls = Tls(cert=certificates.server.cert, key=certificates.server.key, client_ca=pki.ca)
    async with (
        Simulator(Options(tls=tls)).running() as simulator,
        client(current, simulator.base_url) as lcm,
    ):
        failed = [await failure_of(lcm)]
        secrets.change(pem(pki.ca, certificates.expired_client))
        await current.look()
        failed.append(await failure_of(lcm))
        secrets.change(pem(pki.ca, certificates.client))
        await current.look()

        assert isinstance(await lcm.call(OD, ONCE), dict)
    assert "set lcm.ca_file" in str(failed[0])
    assert "lcm.cert_file" in str(failed[1])


async def test_an_expired_certificate_of_lcm(certificates: Certificates) -> None:
    """It is said so, and nothing was sent."""
    tls = Tls(cert=certificates.expired_server.cert, key=certificates.expired_server.key)
    async with Simulator(Options(tls=tls)).running() as simulator:
        lcm = Lcm.model_validate({"base_url": simulator.base_url, "ca_file": str(certificates.pki.ca)})
        async with LcmClient(lcm, Metrics()) as opened:
            failed = await failure_of(opened)

    advice = "have whoever runs it renew it; or is it the CA in lcm.ca_file that has?"
    assert f"LCM cannot be reached (its certificate has expired; {advice})" == str(failed)
    assert not failed.effect_possible


class _NoContent(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def strict(context: SSLContext) -> Iterator[str]:
    """Run a server that says why it refuses a certificate, which asyncio's does not."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _NoContent)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server) as port:
        yield f"https://127.0.0.1:{port}/lcm.svc"


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[int]:
    """Run a server in a thread; gives its port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


TRIES = 5


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("", "it asks for a client certificate; set lcm.cert_file and lcm.key_file"),
        ("foreign_client", "it does not trust the CA of the client certificate; set lcm.cert_file and "),
        ("expired_client", "the client certificate has expired; renew lcm.cert_file and lcm.key_file"),
    ],
)
async def test_a_client_certificate_that_lcm_refuses(
    certificates: Certificates, pair: str, told: str
) -> None:
    """Where LCM's own word comes through, nothing can have happened; it may get lost as LCM cuts off."""
    files = getattr(certificates, pair).settings() if pair else {}

    async def calls(url: str) -> list[CallFailed]:
        lcm = Lcm.model_validate({"base_url": url, "ca_file": str(certificates.pki.ca), **files})
        async with LcmClient(lcm, Metrics()) as opened:
            return [await failure_of(opened) for _ in range(TRIES)]

    with strict(certificates.server.context(certificates.pki.ca)) as url:
        # The worker's own loop, which reads what LCM says before it notices that it cannot write.
        failures = await asyncio.to_thread(uvloop.run, calls(url))

    clear = [failed for failed in failures if told in str(failed)]
    assert clear
    assert not any(failed.effect_possible for failed in clear)
    assert all("lcm.cert_file and lcm.key_file" in str(failed) for failed in failures)
    assert all(failed.effect_possible for failed in failures if "cut off" in str(failed))


def old(pair: Pair) -> SSLContext:
    """Make a server's context that speaks TLS 1.1 at most."""
    context = pair.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = TLSVersion.TLSv1_1
    return context


async def test_a_version_of_tls_that_is_not_safe(certificates: Certificates) -> None:
    """Nothing older than TLS 1.2 is spoken, and the line says what is wrong."""
    with strict(old(certificates.server)) as url:
        lcm = Lcm.model_validate({"base_url": url, "ca_file": str(certificates.pki.ca)})
        async with LcmClient(lcm, Metrics()) as opened:
            failed = await failure_of(opened)

    assert "it speaks no version of TLS that is still safe; have whoever runs it allow TLS 1.2" in str(failed)
    assert not failed.effect_possible


class _Liar(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.wfile.write(b"[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] is not HTTP\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def test_what_lcm_writes_is_no_alert_of_tls() -> None:
    """Only TLS itself says that nothing can have happened, not an answer that quotes it."""
    with served(ThreadingHTTPServer(("127.0.0.1", 0), _Liar)) as port:
        lcm = Lcm.model_validate({"base_url": f"http://127.0.0.1:{port}/lcm.svc"})
        async with LcmClient(lcm, Metrics()) as opened:
            failed = await failure_of(opened)

    assert failed.effect_possible
