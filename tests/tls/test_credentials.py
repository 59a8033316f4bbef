"""Files behind the settings that change while connections are opened."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest
import uvloop
from lcm.lcm_servers import OD, ONCE, failure_of
from tls.secure_servers import (
    PASSWORD,
    Certificates,
    Mount,
    SecureRedis,
    Told,
    needs,
    pem,
)

from bridge.configuration import files, load, reread
from bridge.credentials import Credentials, Current
from bridge.demo.ports import free_port
from bridge.lcm.client import Access, LcmClient, access
from bridge.metrics import Metrics
from bridge.ports import CallFailed
from bridge.settings import Lcm, Settings
from bridge.simulator import Options, Protection, Simulator, Tls
from bridge.store.connection import Store, connect
from bridge.store.login import login

HTTPS = "https://127.0.0.1:1/lcm.svc"


def lcm_access(credentials: Credentials) -> Current[Access]:
    """Keep what lets the bridge in at LCM."""
    return credentials.current(lambda now: access(now.lcm))


def watched() -> Credentials:
    """Look after the settings of the environment."""
    return Credentials(load().settings, reread, files)


async def test_each_kind_of_log_in_is_read_again(mount: Mount, told: Told) -> None:
    """Password, token and headers of the secrets directory are those that the next call sends."""
    secrets = mount(
        "lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one", "BRIDGE_LCM__HEADERS": '{"X-Key": "1"}'}
    )
    current = lcm_access(watched())
    assert {"Authorization": "Bearer one", "X-Key": "1"} == current.now.headers
    secrets.change({"BRIDGE_LCM__BEARER_TOKEN": "two", "BRIDGE_LCM__HEADERS": '{"X-Key": "2"}'})
    await current.look()
    after = current.now
    await current.look()

    assert {"Authorization": "Bearer two", "X-Key": "2"} == after.headers
    assert after is current.now
    [line] = told.events()
    assert "credentials.reloaded" == line["event"]
    assert str(secrets.folder / "BRIDGE_LCM__BEARER_TOKEN") in line["files"]
    assert "two" not in str(line)


async def test_without_a_change_nothing_is_made_anew(mount: Mount, told: Told) -> None:
    """A look at files that did not change tells nothing, and connections share what they share."""
    mount("lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one"})
    current = lcm_access(watched())
    before = current.now
    await current.look()

    assert before is current.now
    assert [] == told.events()


async def test_the_environment_stays_above_the_files(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable wins over a file of its name, also when the file changes."""
    secrets = mount("lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one"})
    monkeypatch.setenv("BRIDGE_LCM__BEARER_TOKEN", "of the environment")
    current = lcm_access(watched())
    secrets.change({"BRIDGE_LCM__BEARER_TOKEN": "two"})
    await current.look()

    assert {"Authorization": "Bearer of the environment"} == current.now.headers


@pytest.mark.parametrize("broken", ["half a key", "another's key", "no certificate", "empty"])
async def test_what_cannot_be_used_changes_nothing(
    mount: Mount, told: Told, certificates: Certificates, broken: str
) -> None:
    """The old certificate is used on, one line names the file and the cause, and a right one is then used."""
    good = pem(certificates.pki.ca, certificates.client)
    secrets = mount("lcm", HTTPS, good)
    current = lcm_access(watched())
    before = current.now
    half = good["key.pem"][: len(good["key.pem"]) // 2]
    secrets.change(
        {
            "half a key": good | {"key.pem": half},
            "another's key": good | {"key.pem": certificates.second_client.key.read_text()},
            "no certificate": good | {"cert.pem": "hunter2"},
            "empty": good | {"ca.pem": ""},
        }[broken]
    )
    await current.look()
    await current.look()
    kept = current.now
    secrets.change(pem(certificates.pki.ca, certificates.second_client))
    await current.look()

    assert before is kept
    assert before is not current.now
    assert ["credentials.not_reloaded", "credentials.reloaded"] == [line["event"] for line in told.events()]
    error = told.events()[0]["error"]
    assert str(secrets.folder / ("ca.pem" if broken == "empty" else "cert.pem")) in error
    assert "cannot be loaded" in error
    assert "hunter2" not in error


async def test_a_file_that_is_gone_for_a_moment(mount: Mount, told: Told, certificates: Certificates) -> None:
    """Between the removal of a file and its replacement the old certificate is used on."""
    good = pem(certificates.pki.ca, certificates.client)
    secrets = mount("lcm", HTTPS, good)
    current = lcm_access(watched())
    before = current.now
    secrets.change({"ca.pem": good["ca.pem"], "key.pem": good["key.pem"]})
    await current.look()
    assert before is current.now
    secrets.change(good)
    await current.look()

    assert before is not current.now
    assert "No such file" in told.events("credentials.not_reloaded")[0]["error"]


async def test_a_file_that_is_written_over(tmp_path: Path, certificates: Certificates) -> None:
    """Not only links are followed: the same file with other contents is a change."""
    ca = tmp_path / "ca.pem"
    ca.write_text(certificates.pki.ca.read_text())
    lcm = Lcm.model_validate({"base_url": HTTPS, "ca_file": str(ca)})
    current = lcm_access(Credentials(Settings(lcm=lcm), reread, files))
    before = current.now
    ca.write_text(certificates.pki.other.read_text())
    await current.look()

    assert before is not current.now


async def test_those_who_ask_meanwhile_share_a_look(mount: Mount) -> None:
    """However many are refused at once, the files are read by one."""
    mount("lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one"})
    looks = []

    def counted(settings: Settings) -> Iterator[Path]:
        looks.append(threading.current_thread())
        return files(settings)

    credentials = Credentials(load().settings, reread, counted)
    looks.clear()
    await asyncio.gather(*(credentials.look() for _ in range(100)))

    assert 1 == len(looks)
    assert threading.main_thread() not in looks


async def test_a_fault_of_ours_ends_the_watch(mount: Mount) -> None:
    """What nobody thought of is not passed over in silence."""
    secrets = mount("lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one"})

    def fail(_: Settings) -> Settings:
        raise ZeroDivisionError

    credentials = Credentials(load().settings, fail, files)
    secrets.change({"BRIDGE_LCM__BEARER_TOKEN": "two"})
    with pytest.raises(ZeroDivisionError):
        await credentials.watch()


@asynccontextmanager
async def client(current: Current[Access], url: str) -> Any:
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
        current = lcm_access(credentials)
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
    current = lcm_access(watched())
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

    assert "LCM cannot be reached (its certificate has expired; have whoever runs it renew it)" == str(failed)
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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/lcm.svc"
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


async def test_redis_sees_a_new_password_and_certificate(
    mount: Mount, told: Told, certificates: Certificates
) -> None:
    """While Redis refuses, each look at it looks at the files first; what is open stays open."""
    needs("redis-server")
    ca = certificates.pki.ca
    wrong, right = {"BRIDGE_REDIS__PASSWORD": "hunter2"}, {"BRIDGE_REDIS__PASSWORD": PASSWORD}
    async with SecureRedis(certificates, free_port()) as server:
        secrets = mount("redis", server.url, {**wrong, **pem(ca, certificates.client)})
        credentials = watched()
        current = credentials.current(lambda now: login(now.redis))
        settings = load().settings.redis.model_copy(update={"timeout": 5.0, "retries": 0})
        store = Store(connect(settings, current), settings, Metrics(), current)
        await store.look()
        assert not store.connected
        secrets.change({**right, **pem(ca, certificates.client)})
        await store.look()
        assert store.connected
        secrets.change({**wrong, **pem(ca, certificates.expired_client)})
        await credentials.look()
        await store.look()
        kept = store.connected
        await store.client.connection_pool.disconnect()
        await store.look()
        await store.close()

    assert kept
    assert not store.connected
    assert ["away", "reloaded", "connected", "reloaded", "away"] == [
        line["event"].split(".")[1] for line in told.events()
    ]
    assert "hunter2" not in str(told.events())
