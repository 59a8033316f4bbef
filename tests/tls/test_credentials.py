"""Files behind the settings that change while connections are opened."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tls.secure_servers import (
    PASSWORD,
    Certificates,
    Mount,
    SecureRedis,
    Told,
    lcm_login,
    needs,
    pem,
    watched,
)

from bridge.bus.login import nodes
from bridge.configuration import load
from bridge.credentials import Credentials
from bridge.demo.ports import free_port
from bridge.metrics import Metrics
from bridge.rereading import files, reread
from bridge.settings import Lcm, Settings
from bridge.store.connection import Store, connect
from bridge.store.login import login

HTTPS = "https://127.0.0.1:1/lcm.svc"


async def test_each_kind_of_log_in_is_read_again(mount: Mount, told: Told) -> None:
    """Password, token and headers of the secrets directory are those that the next call sends."""
    secrets = mount(
        "lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one", "BRIDGE_LCM__HEADERS": '{"X-Key": "1"}'}
    )
    current = lcm_login(watched())
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
    current = lcm_login(watched())
    before = current.now
    await current.look()

    assert before is current.now
    assert [] == told.events()


async def test_the_environment_stays_above_the_files(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable wins over a file of its name, also when the file changes."""
    secrets = mount("lcm", HTTPS, {"BRIDGE_LCM__BEARER_TOKEN": "one"})
    monkeypatch.setenv("BRIDGE_LCM__BEARER_TOKEN", "of the environment")
    current = lcm_login(watched())
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
    current = lcm_login(watched())
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
    current = lcm_login(watched())
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
    current = lcm_login(Credentials(Settings(lcm=lcm), reread, files))
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

    def fail(settings: Settings) -> Settings:
        if load().settings == settings:
            return settings
        raise ZeroDivisionError

    credentials = Credentials(load().settings, fail, files)
    secrets.change({"BRIDGE_LCM__BEARER_TOKEN": "two"})
    with pytest.raises(ZeroDivisionError):
        await credentials.watch()


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


async def test_another_user_needs_a_new_start(told: Told, mount: Mount) -> None:
    """What is parked is signed by the user, so a worker keeps the one that it began with."""
    secrets = mount("amqp", "amqp://bridge@localhost/", {"BRIDGE_AMQP__USERNAME": "bridge"})
    begun = load().settings
    credentials = Credentials(begun, reread, files)
    current = credentials.current(lambda now: nodes(now.amqp, begun.amqp))
    secrets.change({"BRIDGE_AMQP__USERNAME": "another"})
    await current.look()

    assert ["bridge"] == [node.url.user for node in current.now]
    assert "started anew" in told.events("credentials.not_reloaded")[0]["error"]
