"""How the bridge is known to whatever guards LCM: headers, basic auth, bearer token, TLS both ways."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from lcm.lcm_servers import OD, ONCE, RawServer, Request, answer, answering, failure_of, lcm_client
from support.pki import CLIENT, SERVER, Pki

from bridge.failures import LcmUnavailable, WsError
from bridge.lcm.login import tls_context
from bridge.settings import Lcm
from bridge.simulator import Options, Protection, Simulator, Tls

SECRET = "hunter2-Ünseen"


@pytest.mark.parametrize(
    ("protection", "settings"),
    [
        (Protection(basic_user="u", basic_password=SECRET), {"username": "u", "password": SECRET}),
        (Protection(bearer_token="t0ken"), {"bearer_token": "t0ken"}),
        (Protection(header=("X-Api-Key", "k")), {"headers": {"X-Api-Key": "k"}}),
        (
            Protection(bearer_token="t0ken", header=("X-Api-Key", "k")),
            {"bearer_token": "t0ken", "headers": {"x-api-key": "k"}},
        ),
    ],
)
async def test_each_kind_of_log_in_gets_through(protection: Protection, settings: dict[str, Any]) -> None:
    """With the right credentials LCM answers; without them, it is the credentials that were refused."""
    async with Simulator(Options(protection=protection)).running() as simulator:
        async with lcm_client(simulator.base_url, **settings) as client:
            assert isinstance(await client.call(OD, ONCE), dict)
        async with lcm_client(simulator.base_url) as client:
            failed = await failure_of(client)

    assert isinstance(failed.failure, WsError)
    assert "credentials" in str(failed)


async def test_a_header_is_sent_once_whatever_its_case() -> None:
    """A header of the settings replaces the client's own, and its twin in another case."""
    headers = {"X-Api-Key": "first", "x-api-key": "second", "content-type": "application/json"}
    seen: list[list[str]] = []

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        seen.append(request.lines)
        writer.write(answer(b'{"d": null}'))

    async with RawServer(handler).running() as server, lcm_client(server.url, headers=headers) as client:
        await client.call(OD, ONCE)

    names = [line.partition(":")[0].lower() for line in seen[0]]
    assert (1, 1) == (names.count("x-api-key"), names.count("content-type"))
    assert "second" in str(seen)
    assert "charset" not in str(seen)


async def test_cookies_are_not_kept() -> None:
    """A load balancer's cookie does not tie the bridge to one node, nor one call to another."""
    raw = answer(b'{"d": null}', headers="Set-Cookie: node=1; Path=/\r\n")
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        await client.call(OD, ONCE)
        await client.call(OD, ONCE)

        assert "cookie" not in server.requests[1].headers


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Make two CAs, a server's and a client's certificate of each, and one file with certificate and key."""
    made = Pki.made(tmp_path_factory.mktemp("pki"))
    for ca in ("ca", "other"):
        made.issue(f"{ca}-server", SERVER, ca=ca)
        made.issue(f"{ca}-client", CLIENT, ca=ca)
    both = [(made.folder / f"ca-client.{kind}").read_text() for kind in ("pem", "key")]
    (made.folder / "both.pem").write_text("".join(both))
    return made


def path(pki: Pki, name: str) -> str:
    """Give the path of a file of the PKI."""
    return str(pki.folder / name)


def served(pki: Pki, *, mutual: bool = False, name: str = "ca-server") -> Options:
    """Give the options of a simulator with TLS."""
    client_ca = Path(path(pki, "ca.pem")) if mutual else None
    tls = Tls(cert=Path(path(pki, f"{name}.pem")), key=Path(path(pki, f"{name}.key")), client_ca=client_ca)
    return Options(tls=tls)


async def test_a_ca_file_makes_a_private_ca_trusted(pki: Pki) -> None:
    """With ``lcm.ca_file`` a certificate of the site's own CA is accepted."""
    async with (
        Simulator(served(pki)).running() as simulator,
        lcm_client(simulator.base_url, ca_file=path(pki, "ca.pem")) as client,
    ):
        assert isinstance(await client.call(OD, ONCE), dict)


@pytest.mark.parametrize("ca_file", ["", "other.pem"])
async def test_a_certificate_that_is_not_trusted_is_one_clear_message(pki: Pki, ca_file: str) -> None:
    """Without the right CA nothing is sent, and the message says what is wrong but not where."""
    settings: dict[str, Any] = {"ca_file": path(pki, ca_file)} if ca_file else {}
    async with (
        Simulator(served(pki)).running() as simulator,
        lcm_client(simulator.base_url, **settings) as client,
    ):
        failed = await failure_of(client)

        assert 0 == simulator.calls.total
    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible
    found = "its certificate is not signed by a CA that is trusted"
    assert f"LCM cannot be reached ({found}; set lcm.ca_file to the CA that signed it)" == str(failed)


async def test_a_certificate_for_another_name_is_refused(pki: Pki) -> None:
    """The certificate must be for the host that was called."""
    async with Simulator(served(pki)).running() as simulator:
        url = simulator.base_url.replace("127.0.0.1", "localhost")
        async with lcm_client(url, ca_file=path(pki, "ca.pem")) as client:
            failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible


async def test_tls_to_a_server_without_it_had_no_effect() -> None:
    """An https URL that leads to plain HTTP is a TLS failure before anything was sent."""
    async with Simulator().running() as simulator:
        async with lcm_client(simulator.base_url.replace("http:", "https:")) as client:
            failed = await failure_of(client)

        assert 0 == simulator.calls.total
    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible


@pytest.mark.parametrize(("whole", "connect"), [(5.0, 0.2), (0.2, 5.0)])
async def test_a_tls_handshake_that_hangs_had_no_effect(whole: float, connect: float) -> None:
    """A server that takes the connection and never greets is bounded like one that does not take it."""
    async with answering(b"").running() as server:
        url = server.url.replace("http:", "https:")
        async with lcm_client(url, timeout=whole, connect_timeout=connect) as client:
            failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert not failed.effect_possible


@pytest.mark.parametrize(
    "files", [{"cert_file": "ca-client.pem", "key_file": "ca-client.key"}, {"cert_file": "both.pem"}]
)
async def test_a_client_certificate_gets_through(pki: Pki, files: dict[str, str]) -> None:
    """The key may stand in a file of its own or with the certificate."""
    settings: dict[str, Any] = {name: path(pki, file) for name, file in files.items()}
    async with (
        Simulator(served(pki, mutual=True)).running() as simulator,
        lcm_client(simulator.base_url, ca_file=path(pki, "ca.pem"), **settings) as client,
    ):
        assert isinstance(await client.call(OD, ONCE), dict)


@pytest.mark.parametrize("files", [{}, {"cert_file": "other-client.pem", "key_file": "other-client.key"}])
async def test_a_refused_client_certificate_never_reaches_lcm(pki: Pki, files: dict[str, str]) -> None:
    """TLS 1.3 tells so only after the request went out, by a cut: LCM has not read it, but who can tell."""
    settings: dict[str, Any] = {name: path(pki, file) for name, file in files.items()}
    async with (
        Simulator(served(pki, mutual=True)).running() as simulator,
        lcm_client(simulator.base_url, ca_file=path(pki, "ca.pem"), **settings) as client,
    ):
        failed = await failure_of(client)

        assert 0 == simulator.calls.total
    assert isinstance(failed.failure, LcmUnavailable)


def test_files_that_cannot_be_read_fail_at_start(pki: Pki) -> None:
    """A missing file, a file that is no certificate, and a key of another certificate are OSErrors."""
    for settings in (
        {"ca_file": path(pki, "none.pem")},
        {"ca_file": path(pki, "ca.key")},
        {"cert_file": path(pki, "none.pem")},
        {"cert_file": path(pki, "ca-client.pem"), "key_file": path(pki, "other-client.key")},
    ):
        with pytest.raises(OSError):  # noqa: PT011 - the wording is OpenSSL's
            tls_context(Lcm.model_validate({"base_url": "https://lcm/", **settings}))


def test_without_files_the_system_is_trusted() -> None:
    """TLS is verified in every case."""
    assert tls_context(Lcm()) is True


def test_a_context_of_ours_verifies(pki: Pki) -> None:
    """Neither a CA file nor a client certificate weakens the check of LCM's certificate."""
    for settings in ({"ca_file": path(pki, "ca.pem")}, {"cert_file": path(pki, "both.pem")}):
        context = tls_context(Lcm.model_validate({"base_url": "https://lcm/", **settings}))
        assert isinstance(context, ssl.SSLContext)
        assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
