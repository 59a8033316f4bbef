"""What ``lcm-bridge check`` finds out about LCM, without any effect there."""

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from lcm.lcm_servers import RawServer, answering, silent_port
from support.checking import settings, states, the

from bridge.cli.check import lcm as check_lcm
from bridge.cli.check.finding import Finding
from bridge.cli.check.report import as_json, print_table
from bridge.simulator import Options, Protection, Simulator

PASSWORD = "hunter2"
HOUR = 3600.0


async def look(base_url: str, *, seconds: float = 8.0, **lcm: Any) -> list[Finding]:
    """Run the check of LCM."""
    return await check_lcm.check(settings(lcm={"base_url": base_url, **lcm}), seconds)


async def hear_only(_: Any, __: Any) -> None:
    """Take a request and answer nothing."""


@asynccontextmanager
async def page(
    status: int = 200, headers: dict[str, str] | None = None, context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve one page with a status and headers; give its URL."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{runner.addresses[0][1]}/lcm"
    finally:
        await runner.cleanup()
    assert {"GET"} >= set(seen)


async def test_an_lcm_that_is_well() -> None:
    """It is reached, lets us in, and tells the same time; no method was called."""
    guard = Protection(basic_user="bridge", basic_password=PASSWORD)
    async with Simulator(Options(protection=guard)).running() as simulator:
        found = await look(simulator.base_url, username="bridge", password=PASSWORD)
        wrong = await look(simulator.base_url, username="bridge", password="other")
        called = {call.http_method for call in simulator.calls.calls}

    assert [("connection", "ok"), ("answer", "ok"), ("clock", "ok")] == [
        (one.check, one.state) for one in found
    ]
    assert {("answer", "")} == states(wrong, "failed")
    assert "HTTP 401: the bridge's credentials were refused" == the(wrong, "answer").found
    assert "lcm.username" in the(wrong, "answer").advice
    assert {"GET"} == called


@pytest.mark.parametrize(
    ("status", "headers", "state", "told"),
    [
        (403, {}, "failed", "credentials were refused"),
        (404, {}, "warning", "no such page"),
        (503, {}, "warning", "not well"),
        (
            302,
            {"Location": "https://user:hunter2@other.example/lcm?key=hunter2"},
            "warning",
            "other.example/lcm",
        ),
        (400, {}, "ok", "reachable"),
    ],
)
async def test_what_lcm_answers(status: int, headers: dict[str, str], state: str, told: str) -> None:
    """Refused credentials fail; what may be a wrong path, or a bad day, is warned of."""
    async with page(status, headers) as url:
        answer = the(await look(url), "answer")

    assert state == answer.state
    assert told in answer.found
    assert PASSWORD not in answer.found


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (b"Location: /login?key=hunter2#hunter2", "it leads to http://127.0.0.1:{port}/login"),
        (b"Location: login.aspx", "it leads to http://127.0.0.1:{port}/login.aspx"),
        (b"Location: //user:hunter2@other.example/", "it leads to http://other.example/"),
        (b"Location: http://[hunter2", "it leads to a place that cannot be read"),
        (b"Location: hunter2:x", "it leads to a place that cannot be read"),
        (b"Location: /\xff", "it leads to "),
        (b"Location:", "it says no place to go to"),
        (b"X: y", "it says no place to go to"),
    ],
)
async def test_a_redirect_to_wherever(location: bytes, told: str) -> None:
    """It is warned of and its place named without log-in and query, whatever stands in Location."""
    raw = b"HTTP/1.1 302 Found\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n"
    async with answering(raw).running() as server:
        answer = the(await look(server.url), "answer")

    port = server.url.split(":")[2].split("/")[0]
    assert ("warning", True) == (answer.state, told.format(port=port) in answer.found), answer
    assert PASSWORD not in answer.found


@pytest.mark.parametrize(
    "date",
    [b"garbage", b"", b"Sat, 21 Nov 99999999999 16:00:00 GMT", b"Mon, 01 Jan 0001 00:00:00 GMT", b"\xff"],
)
async def test_a_time_that_cannot_be_read(date: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A Date that is none, or too far away, is warned of; what it holds spoils no document."""
    raw = b"HTTP/1.1 200 OK\r\nDate: " + date + b"\r\nContent-Length: 0\r\n\r\n"
    async with answering(raw).running() as server:
        found = await look(server.url)
    as_json({"LCM": found})
    print_table({"LCM": found})

    assert [("answer", "ok"), ("clock", "warning")] == [(one.check, one.state) for one in found[1:]]
    assert "cannot be read" in the(found, "clock").found or "behind" in the(found, "clock").found
    assert json.loads(capsys.readouterr().out.partition("\n}\n")[0] + "}")


@pytest.mark.parametrize(("ahead", "told"), [(HOUR, "s ahead of"), (-HOUR, "s behind"), (0.0, "agrees")])
async def test_the_clock_of_lcm(ahead: float, told: str) -> None:
    """The header Date is compared with this machine's clock."""
    async with page(headers={"Date": formatdate(time.time() + ahead, usegmt=True)}) as url:
        found = the(await look(url), "clock")

    assert told in found.found
    assert ("warning" if ahead else "ok") == found.state


async def test_an_lcm_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that listens, an unknown name, a firewall that drops: each says which."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@proxy:3128")
    async with silent_port() as port:
        dropped = await look(f"http://127.0.0.1:{port}/lcm", connect_timeout=0.1)
    refused = await look("http://127.0.0.1:1/lcm")
    unknown = await look("http://nosuch.invalid/lcm")

    assert "no connection within" in the(dropped, "connection").found
    assert "nothing listens there" in the(refused, "connection").found
    assert "its name is not known" in the(unknown, "connection").found
    assert "HTTPS_PROXY is set; the bridge uses no proxy" in the(refused, "connection").advice
    assert PASSWORD not in str(refused)


async def test_an_lcm_that_lets_nobody_finish_connecting() -> None:
    """TLS that never answers is a matter of the connection, however long lcm.connect_timeout is."""
    async with RawServer(hear_only).running() as server:
        found = await look(server.url.replace("http:", "https:"), seconds=0.4, connect_timeout=12)

    assert {("connection", "")} == states(found, "failed")
    assert "no connection within 0.2 s" in the(found, "connection").found
    assert "firewall" in the(found, "connection").advice


async def test_an_lcm_that_hangs_or_speaks_something_else() -> None:
    """What takes the request and does not answer is told in time; so is what answers no HTTP."""
    async with RawServer(hear_only).running() as server:
        hung = await look(server.url, seconds=0.3)
    async with answering(b"SSH-2.0-OpenSSH_9.2\r\n", close=True).running() as server:
        strange = await look(server.url)

    assert "no answer within" in the(hung, "answer").found
    assert "no HTTP" in the(strange, "answer").found
    assert {("answer", "")} == states(hung, "failed") == states(strange, "failed")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make certificates that trust themselves: ``soon.pem`` ends in two days, ``late.pem`` in a hundred."""
    folder = tmp_path_factory.mktemp("certificates")
    program = shutil.which("openssl")
    assert program is not None, "openssl is needed to make certificates"
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=lcm")
    for name, days in (("soon", "2"), ("late", "100"), ("expired", "-1")):
        for arguments in (
            ("req", "-new", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr"),
            # Only this one makes a certificate that has ended.
            (
                *("x509", "-req", "-in", f"{name}.csr", "-signkey", f"{name}.key", "-days", days),
                *("-extfile", "names", "-out", f"{name}.pem"),
            ),
        ):
            subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603
    return folder


@pytest.mark.parametrize(
    ("name", "state", "told"),
    [
        ("late", "ok", "100 days"),
        ("soon", "warning", "2 days"),
        ("expired", "failed", "certificate has expired"),
    ],
)
async def test_the_certificate_of_lcm(certificates: Path, name: str, state: str, told: str) -> None:
    """Its last day is told, and warned of two weeks before; afterwards nothing is reached."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")

    async with page(context=context) as url:
        found = await look(url, ca_file=str(certificates / f"{name}.pem"))
        untrusted = await look(url)

    shown = the(found, "connection" if state == "failed" else "certificate")
    assert (state, True) == (shown.state, told in shown.found), shown
    assert {("connection", "")} == states(untrusted, "failed")
    assert "lcm.ca_file" in the(untrusted, "connection").advice
