"""RabbitMQ that wants client certificates: who is let in, who is told what is wrong, what a rotation does.

One file, for the one broker that it runs: another would take seconds to start.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.envelopes import add_contact, od
from support.permitted import rabbit_with_users, url_for_sites
from support.pki import CLIENT, SERVER
from support.requester import requester
from support.site import name_of_letters
from support.worker import running, until
from tls.links import amqp, kept
from tls.secure_servers import (
    PASSWORD,
    Certificates,
    Mount,
    Mounted,
    SecureRabbit,
    SecureRedis,
    Told,
    behind_tls,
    needs,
    pem,
)

from bridge.bus.identity import tell_another_user
from bridge.bus.login import nodes
from bridge.client import BridgeClient, NotSent
from bridge.configuration import load
from bridge.credentials import Credentials
from bridge.demo.ports import free_port
from bridge.rereading import files, reread
from bridge.simulator import Options, Protection, Simulator, Tls

TRUST = "its certificate is not signed by a CA that is trusted"
FILES = "amqp.cert_file and amqp.key_file"
LOG_IN = "set amqp.username and amqp.password, or those in amqp.url, to what RabbitMQ knows"


@pytest.fixture(scope="module")
async def secure_rabbit(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SecureRabbit]:
    """Run a RabbitMQ that wants client certificates, which may be the log-in of docs/security.md's users."""
    needs("rabbitmq-server")
    port = free_port()
    conf = (
        f"listeners.ssl.default = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {certificates.pki.ca}",
        f"ssl_options.certfile = {certificates.server.cert}",
        f"ssl_options.keyfile = {certificates.server.key}",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
        "auth_mechanisms.1 = PLAIN",
        "auth_mechanisms.2 = EXTERNAL",
        "ssl_cert_login_from = common_name",
    )
    users = tmp_path_factory.mktemp("users")
    async with rabbit_with_users(users, conf=conf, plugins=["rabbitmq_auth_mechanism_ssl"]) as plain:
        yield SecureRabbit(port, plain)


@pytest.mark.parametrize(
    ("in_the_url", "log_in"),
    [
        ("bridge:bridge", {}),
        ("guest", {"username": "bridge", "password": "bridge"}),
        ("guest", {"username": "bridge", "auth": "external"}),
    ],
)
async def test_who_is_let_in(
    secure_rabbit: SecureRabbit, certificates: Certificates, in_the_url: str, log_in: dict[str, str]
) -> None:
    """A client certificate and a password; or the certificate alone, where it is the log-in."""
    async with kept(amqp(secure_rabbit.url(in_the_url), **certificates.good, **log_in)) as one:
        assert (await one.opened.get()).alive


@pytest.mark.parametrize(("user", "lines"), [("bridge", 0), ("another", 1)])
async def test_the_certificate_of_another_user(
    secure_rabbit: SecureRabbit, certificates: Certificates, told: Told, user: str, lines: int
) -> None:
    """RabbitMQ knows a connection by its certificate; that it is not by ``username`` is told at once."""
    log_in = {"auth": "external", "username": user}
    async with kept(amqp(secure_rabbit.url(), **certificates.good, **log_in)) as one:
        opened = await one.opened.get()
        await tell_another_user(opened)
        assert opened.alive
    found = told.events("amqp.another_user")
    assert lines == len(found)
    for line in found:
        assert "'another' but authenticated user was 'bridge'" in line["error"]


async def test_everything_in_the_url(secure_rabbit: SecureRabbit, certificates: Certificates) -> None:
    """The client library's own names in the URL do as well."""
    good = certificates.good
    query = f"cafile={good['ca_file']}&certfile={good['cert_file']}&keyfile={good['key_file']}"
    url = f"{secure_rabbit.url('bridge')}?{query}&auth=external"
    async with kept(amqp(url)) as one:
        assert (await one.opened.get()).alive


@pytest.mark.parametrize(
    ("change", "error", "advice"),
    [
        ({"ca_file": "other"}, TRUST, "set amqp.ca_file to the CA that signed it"),
        ({"ca_file": ""}, TRUST, "set amqp.ca_file to the CA that signed it"),
        ({"client": ""}, "it asks for a client certificate", f"set {FILES}"),
        (
            {"client": "foreign_client"},
            "it does not trust the CA of the client certificate",
            f"set {FILES} to a certificate of a CA that it trusts",
        ),
        ({"client": "expired_client"}, "the client certificate has expired", f"renew {FILES}"),
        ({"username": "u", "password": "hunter2"}, "the log-in as u is refused", LOG_IN),
        (
            {"url": "amqps://bridge@localhost:{port}/"},
            "its certificate is for another name",
            "write the host in amqp.url as the certificate names it",
        ),
        (
            {"url": "amqps://bridge@127.0.0.1:{plain}/"},
            "it does not speak TLS on this port",
            "see the scheme and the port in amqp.url",
        ),
        (
            {"url": "amqp://bridge@127.0.0.1:{port}/"},
            "it cut the connection off at once",
            "it may speak TLS on this port: see the scheme and the port in amqp.url",
        ),
    ],
)
async def test_a_refusal_is_one_clear_line(
    secure_rabbit: SecureRabbit,
    certificates: Certificates,
    told: Told,
    change: dict[str, str],
    error: str,
    advice: str,
) -> None:
    """Each attempt tells once what is wrong and what to change, without a stack trace or a secret."""
    url = change.get("url", "amqps://bridge:bridge@127.0.0.1:{port}/")
    settings: dict[str, str] = {
        "url": url.format(port=secure_rabbit.port, plain=secure_rabbit.plain.port),
        **(certificates.good if url.startswith("amqps") else {}),
        **{name: change[name] for name in ("username", "password") if name in change},
    }
    if "ca_file" in change:
        settings["ca_file"] = str(certificates.pki.other) if change["ca_file"] else ""
    if "client" in change:
        settings |= {"cert_file": "", "key_file": ""}
    if client := change.get("client"):
        settings |= getattr(certificates, client).settings()
    async with kept(amqp(**settings)):
        # What the broker says of a certificate may get lost when it cuts off; the next attempt tells.
        while not any(error == line["error"] for line in told.events()):
            await asyncio.sleep(0.01)

    lines = told.events()
    assert {"amqp.connection_failed"} == {line["event"] for line in lines}
    assert {error, *([CUT] if "client" in change else [])} >= {line["error"] for line in lines}
    assert f"{advice}; tried again in" in [line["next"].rpartition(" in")[0] + " in" for line in lines]
    assert "hunter2" not in str(lines)
    assert not any("exc_info" in line for line in lines)


CUT = "it cut the connection off at once"


async def test_an_expired_certificate(
    secure_rabbit: SecureRabbit, certificates: Certificates, told: Told
) -> None:
    """It is said so."""
    async with (
        behind_tls(secure_rabbit.plain.port, certificates.expired_server.context()) as port,
        kept(amqp(f"amqps://127.0.0.1:{port}/", ca_file=str(certificates.pki.ca))),
    ):
        line = await told.until("amqp.connection_failed")

    assert "its certificate has expired" == line["error"]


async def test_external_where_the_broker_does_not_offer_it(
    secure_rabbit: SecureRabbit, certificates: Certificates, told: Told
) -> None:
    """It is said what to enable; the broker offers it to nobody whose certificate it does not see."""
    log_in = {"auth": "external", "username": "bridge", **certificates.good}
    async with (
        behind_tls(secure_rabbit.plain.port, certificates.server.context()) as port,
        kept(amqp(f"amqps://127.0.0.1:{port}/", **log_in)),
    ):
        line = await told.until("amqp.connection_failed")

    assert "it does not offer the log-in by external" == line["error"]
    assert "rabbitmq_auth_mechanism_ssl" in line["next"]


async def test_rotation(
    secure_rabbit: SecureRabbit, certificates: Certificates, told: Told, mount: Mount
) -> None:
    """A new connection is opened with the new certificate and password, or the last that can be used.

    The one that is open stays.
    """
    ca = certificates.pki.ca
    wrong, right = {"BRIDGE_AMQP__PASSWORD": "hunter2"}, {"BRIDGE_AMQP__PASSWORD": "bridge"}
    secrets = mount("amqp", secure_rabbit.url("bridge"), {**wrong, **pem(ca, certificates.expired_client)})
    credentials = Credentials(load().settings, reread, files)
    current = credentials.current(lambda now: nodes(now.amqp))
    async with kept(amqp(secure_rabbit.url()), current) as one:
        await told.until("amqp.connection_failed")
        secrets.change({**wrong, **pem(ca, certificates.client)})
        while not any("log-in" in line["error"] for line in told.events("amqp.connection_failed")):
            await asyncio.sleep(0.01)
        secrets.change({**right, **pem(ca, certificates.client)})
        connection = await one.opened.get()
        secrets.change({**right, **pem(ca, certificates.second_client)})
        await credentials.look()

        assert (True, 1) == (connection.alive, one.link.openings)
        secrets.change({**right, **pem(ca, certificates.client), "key.pem": "half a key"})
        await connection.close()

        assert (await one.opened.get()).alive
    assert 3 == len(told.events("credentials.reloaded"))
    assert 1 == len(told.events("credentials.not_reloaded"))
    assert "hunter2" not in str(told.events())


async def test_patience_ends_with_a_change(
    secure_rabbit: SecureRabbit,
    certificates: Certificates,
    told: Told,
    mount: Mount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who is refused waits longer than for a broker that is away, but not when a file has changed."""
    monkeypatch.setattr("bridge.bus.link.REFUSED_WAIT", 3600.0)
    good = pem(certificates.pki.ca, certificates.client)
    secrets = mount("amqp", secure_rabbit.url("bridge"), {"BRIDGE_AMQP__PASSWORD": "hunter2", **good})
    credentials = Credentials(load().settings, reread, files)
    current = credentials.current(lambda now: nodes(now.amqp))
    watch = asyncio.create_task(credentials.watch())
    async with kept(amqp(secure_rabbit.url(), reconnect_wait=3600, reconnect_wait_max=1), current) as one:
        await told.until("amqp.connection_failed")
        secrets.change({"BRIDGE_AMQP__PASSWORD": "bridge", **good})

        assert (await one.opened.get()).alive
    [line] = told.events("amqp.connection_failed")
    assert seconds(line) >= 360
    watch.cancel()
    await asyncio.wait([watch])


def seconds(line: dict[str, Any]) -> float:
    """Give the seconds until the next attempt, as they were told."""
    return float(line["next"].partition("tried again in ")[2].partition(" s")[0])


async def test_another_node_is_tried_soon(
    secure_rabbit: SecureRabbit, certificates: Certificates, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node that refuses does not make the bridge wait long for the next one."""
    monkeypatch.setattr("bridge.bus.link.REFUSED_WAIT", 3600.0)
    refuses, takes = secure_rabbit.url().replace("127.0.0.1", "localhost"), secure_rabbit.url()
    settings = amqp(f"{refuses},{takes}", reconnect_wait=3600, reconnect_wait_max=0.1, **certificates.good)
    async with kept(settings) as one:
        assert (await one.opened.get()).alive
    [line] = told.events("amqp.connection_failed")
    assert seconds(line) <= 0.1


async def test_a_worker_through_a_rotation(
    secure_rabbit: SecureRabbit, certificates: Certificates, tmp_path: Path
) -> None:
    """It serves by TLS on all sides, and goes on when LCM changes certificates, CA and token."""
    needs("redis-server")
    pki = certificates.pki
    second = pki.issue("second-server", SERVER, ca="other"), pki.issue("worker", CLIENT, ca="other")
    log_in = {
        "BRIDGE_AMQP__PASSWORD": "bridge",
        "BRIDGE_REDIS__PASSWORD": PASSWORD,
        "BRIDGE_LCM__BEARER_TOKEN": "first",
    }
    secrets = Mounted(tmp_path / "secrets", log_in | pem(pki.ca, certificates.client))
    of_lcm = Mounted(tmp_path / "lcm", pem(pki.ca, certificates.client))
    prefix, port = name_of_letters(), free_port()
    first = Simulator(
        Options(
            protection=Protection(bearer_token="first"),
            tls=Tls(cert=certificates.server.cert, key=certificates.server.key, client_ca=pki.ca),
        )
    )
    then = Simulator(
        Options(
            protection=Protection(bearer_token="second"),
            tls=Tls(cert=second[0].cert, key=second[0].key, client_ca=pki.other),
        )
    )
    for simulator in (first, then):
        add_contact(simulator, "rotation", kind="od")
    async with SecureRedis(certificates, free_port()) as redis:
        settings = {
            "BRIDGE_SECRETS_DIR": str(secrets.folder),
            "BRIDGE_AMQP__URL": secure_rabbit.url("bridge"),
            "BRIDGE_AMQP__PREFIX": prefix,
            "BRIDGE_REDIS__URL": redis.url,
            "BRIDGE_LCM__BASE_URL": f"https://127.0.0.1:{port}{first.options.base_path}",
            "BRIDGE_CONTACTS__FRESH_FOR": "0",
            **{
                f"BRIDGE_{group}__{name.upper()}": file
                for group, mounted in (("AMQP", secrets), ("REDIS", secrets), ("LCM", of_lcm))
                for name, file in mounted.settings().items()
            },
        }
        async with (
            running(settings, tmp_path / "worker.log") as worker,
            requester(url_for_sites(secure_rabbit.plain), prefix) as widget,
        ):
            async with first.running(port=port):
                before = await widget.ask(od("rotation"))
            of_lcm.change(pem(pki.other, second[1]))
            secrets.change(log_in | {"BRIDGE_LCM__BEARER_TOKEN": "second"} | pem(pki.ca, certificates.client))
            token = str(secrets.folder / "BRIDGE_LCM__BEARER_TOKEN")
            await until(lambda: token in str(worker.events("credentials.reloaded")), "the new token")
            async with then.running(port=port):
                after = await widget.ask(od("rotation"))
            assert 0 == await worker.stop()

            assert [("ok", "miss")] * 2 == [
                (reply.headers["x-bridge-status"], reply.headers["x-bridge-cache"])
                for reply in (before, after)
            ]
            assert (1, 1) == (first.calls.total, then.calls.total)
            assert [] == worker.events("amqp.connection_lost") + worker.events("redis.away")


async def test_the_client_of_publishers(secure_rabbit: SecureRabbit, certificates: Certificates) -> None:
    """Its URL names the CA and the certificate it logs in by; without them it says that nobody lets it in."""
    pki = certificates.pki
    pair = pki.issue("crm", CLIENT, cn="crm")
    query = f"?cafile={pki.ca}&certfile={pair.cert}&keyfile={pair.key}&auth=external"
    async with BridgeClient(secure_rabbit.url("crm") + query, name="crm") as client:
        assert client.connected

    with pytest.raises(NotSent, match="certificate"):
        await BridgeClient(f"{secure_rabbit.url('crm')}?cafile={pki.other}").__aenter__()
