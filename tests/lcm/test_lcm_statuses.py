"""Each HTTP status with the failure that it means, and whether there can have been an effect."""

import pytest
from lcm.lcm_servers import ONCE, SKIP, answer, answering, failure_of, lcm_client

from bridge.failures import Failure, LcmBadResponse, LcmUnavailable, WsError
from bridge.simulator import Fault, Options, Simulator

PAGE = b"<html><body><h2>Server at 10.1.2.3</h2>password=hunter2</body></html>"
FAULT = b'{"ExceptionType": "System.Exception", "Message": "No", "StackTrace": "at Host.Secret()"}'

NO_EFFECT: list[tuple[int, type[Failure]]] = [
    (401, WsError),
    (403, WsError),
    (404, WsError),
    (413, WsError),
    (415, WsError),
    (429, LcmUnavailable),
    (503, LcmUnavailable),
]
EFFECT_POSSIBLE: list[tuple[int, type[Failure]]] = [
    (201, LcmBadResponse),
    (204, LcmBadResponse),
    (302, LcmBadResponse),
    (307, LcmBadResponse),
    (400, LcmBadResponse),
    (405, LcmBadResponse),
    (408, LcmBadResponse),
    (500, LcmBadResponse),
    (501, LcmBadResponse),
    (502, LcmUnavailable),
    (504, LcmUnavailable),
    (599, LcmBadResponse),
]


@pytest.mark.parametrize(("status", "kind"), NO_EFFECT)
@pytest.mark.parametrize("body", [PAGE, b""])
async def test_statuses_that_exclude_an_effect(status: int, kind: type[Failure], body: bytes) -> None:
    """By these LCM turned the call away; the page that comes with it is not passed on."""
    raw = answer(body, f"{status} Whatever 10.1.2.3", content_type="text/html")
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        failed = await failure_of(client)

    assert kind is type(failed.failure)
    assert (status, False) == (failed.status, failed.unreached)
    assert not failed.effect_possible
    assert str(status) in str(failed)
    assert "hunter2" not in str(failed)
    assert "10.1.2.3" not in str(failed)


@pytest.mark.parametrize(("status", "kind"), EFFECT_POSSIBLE)
async def test_statuses_that_leave_the_effect_open(status: int, kind: type[Failure]) -> None:
    """By these nobody can tell what LCM did; the page that comes with it is not passed on."""
    body = b"" if status == 204 else PAGE
    raw = answer(body, f"{status} Whatever 10.1.2.3", content_type="text/html")
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        failed = await failure_of(client)

    assert kind is type(failed.failure)
    assert (status, False) == (failed.status, failed.unreached)
    assert failed.effect_possible
    assert str(status) in str(failed)
    assert "hunter2" not in str(failed)
    assert "10.1.2.3" not in str(failed)


@pytest.mark.parametrize(("status", "kind"), NO_EFFECT)
@pytest.mark.parametrize(
    "rest",
    [
        "Content-Length: 1000\r\n\r\nhalf",
        "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
        "Content-Length: 99999999\r\n\r\n",
    ],
)
async def test_a_status_that_excludes_an_effect_holds_without_its_page(
    status: int, kind: type[Failure], rest: str
) -> None:
    """That the page breaks off after the status does not put the effect in doubt again."""
    server = answering(f"HTTP/1.1 {status} No\r\n{rest}".encode(), close=True)
    async with server.running(), lcm_client(server.url) as client:
        failed = await failure_of(client)

    assert kind is type(failed.failure)
    assert (status, False) == (failed.status, failed.unreached)
    assert not failed.effect_possible


@pytest.mark.parametrize("status", [502, 504])
async def test_a_failed_gateway_is_told_without_its_page(status: int) -> None:
    """The status says that the way to LCM failed, also when the page breaks off; the effect stays open."""
    server = answering(f"HTTP/1.1 {status} No\r\nContent-Length: 1000\r\n\r\nhalf".encode(), close=True)
    async with server.running(), lcm_client(server.url) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert (status, True) == (failed.status, failed.effect_possible)


@pytest.mark.parametrize(("status", "possible"), [(503, False), (504, True)])
async def test_a_status_that_says_it_all_holds_when_its_page_never_comes(
    status: int, *, possible: bool
) -> None:
    """The time is up while the page is awaited: that is no time-out, for LCM has answered."""
    server = answering(f"HTTP/1.1 {status} No\r\nContent-Length: 1000\r\n\r\nhalf".encode())
    async with server.running(), lcm_client(server.url, timeout=0.2) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, LcmUnavailable)
    assert (status, possible) == (failed.status, failed.effect_possible)


@pytest.mark.parametrize("status", [400, 404, 413, 415, 500])
async def test_a_wcf_fault_excludes_an_effect_by_whatever_status(status: int) -> None:
    """A JSON fault carries LCM's own message, without its stack trace."""
    async with (
        answering(answer(FAULT, f"{status} X")).running() as server,
        lcm_client(server.url) as client,
    ):
        failed = await failure_of(client)

    assert isinstance(failed.failure, WsError)
    assert ("No", False, True) == (str(failed), failed.effect_possible, failed.fault)
    assert status == failed.status


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_told_as_such(status: int) -> None:
    """The developer learns that it is the bridge's log-in that was refused."""
    options = Options(faults=(Fault(kind="html", status=status),))
    async with (
        Simulator(options).running() as simulator,
        lcm_client(simulator.base_url, username="bridge", password="hunter2") as client,
    ):
        failed = await failure_of(client)

    assert isinstance(failed.failure, WsError)
    assert "credentials" in str(failed)
    assert "hunter2" not in str(failed)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """Neither the request nor its log-in goes where LCM's answer points."""
    async with answering(answer(b'{"d": true}')).running() as elsewhere:
        redirect = answer(b"", f"{status} Moved", f"Location: {elsewhere.url}/x\r\n")
        async with answering(redirect).running() as server, lcm_client(server.url) as client:
            failed = await failure_of(client)

            assert 1 == len(server.requests)
        assert 0 == elsewhere.connections
    assert isinstance(failed.failure, LcmBadResponse)


async def test_an_interim_answer_is_passed_over() -> None:
    """A ``100 Continue`` before the answer changes nothing."""
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b'{"d": true}')
    async with answering(raw).running() as server, lcm_client(server.url) as client:
        assert await client.call(SKIP, ONCE) is True
