"""Redis behind TLS: password, client certificates, Sentinel and Cluster, and what is said of a refusal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from tls.secure_servers import PASSWORD, Certificates, SecureRedis, Told, behind_tls, needs

from bridge.demo.ports import free_port
from bridge.demo.runs import Program
from bridge.demo.servers import PrivateRedis
from bridge.metrics import Metrics
from bridge.settings import Redis as RedisSettings
from bridge.store.connection import Store, connect
from bridge.store.scripts import PlainCall

SERVICE = "mymaster"
TRUST = "its certificate is not signed by a CA that is trusted"
LOG_IN = "set redis.username and redis.password, or those in redis.url, to what Redis knows"
FILES = "redis.cert_file and redis.key_file"


@pytest.fixture(scope="module")
async def secure_redis(certificates: Certificates) -> AsyncIterator[SecureRedis]:
    """Run a Redis with a password that wants client certificates."""
    needs("redis-server")
    async with SecureRedis(certificates, free_port()) as server:
        yield server


@asynccontextmanager
async def looked(url: str, **settings: Any) -> AsyncIterator[Store]:
    """Give a store that has looked at a Redis twice."""
    redis = RedisSettings.model_validate({"url": url, "timeout": 5.0, "retries": 1, **settings})
    store = Store(connect(redis), redis, Metrics())
    try:
        await store.look()
        await store.look()
        yield store
    finally:
        await store.close()


async def test_password_and_certificate(secure_redis: SecureRedis, certificates: Certificates) -> None:
    """With both of the settings it is let in."""
    async with looked(secure_redis.url, password=PASSWORD, **certificates.good) as store:
        assert b"mine" == await store.ask(PlainCall(("ECHO", "mine")))


async def test_a_user(secure_redis: SecureRedis, certificates: Certificates) -> None:
    """A user of Redis 6 and later logs in with a name; what the URL says is overridden."""
    url = secure_redis.url.replace("//", "//somebody:else@")
    async with looked(url, username="default", password=PASSWORD, **certificates.good) as store:
        assert store.connected


async def test_everything_in_the_url(secure_redis: SecureRedis, certificates: Certificates) -> None:
    """A password and redis-py's names of the files in the URL do as well."""
    files = f"ssl_ca_certs={certificates.pki.ca}&ssl_certfile={certificates.client.cert}"
    url = f"{secure_redis.url}?{files}&ssl_keyfile={certificates.client.key}"
    async with looked(url.replace("//", f"//:{PASSWORD}@", 1)) as store:
        assert store.connected


@pytest.mark.parametrize(
    ("change", "error", "advice"),
    [
        ({"ca_file": "other"}, TRUST, "set redis.ca_file to the CA that signed it"),
        ({"ca_file": ""}, TRUST, "set redis.ca_file to the CA that signed it"),
        ({"cert_file": "", "key_file": ""}, "it asks for a client certificate", f"set {FILES}"),
        (
            {"cert_file": "foreign_client", "key_file": "foreign_client"},
            "it does not trust the CA of the client certificate",
            f"set {FILES} to a certificate of a CA that it trusts",
        ),
        (
            {"cert_file": "expired_client", "key_file": "expired_client"},
            "the client certificate has expired",
            f"renew {FILES}",
        ),
        ({"password": "hunter2"}, "the log-in is refused", LOG_IN),
        ({"username": "hunter2"}, "the log-in is refused", LOG_IN),
        ({"password": ""}, "it asks for a password", LOG_IN),
        (
            {"url": "localhost"},
            "its certificate is for another name",
            "write the host in redis.url as the certificate names it",
        ),
    ],
)
async def test_a_refusal_is_one_clear_line(
    secure_redis: SecureRedis,
    certificates: Certificates,
    told: Told,
    change: dict[str, str],
    error: str,
    advice: str,
) -> None:
    """It says what is wrong and what to change, once for all looks, without a secret."""
    settings: dict[str, Any] = {"url": secure_redis.url, "password": PASSWORD, **certificates.good, **change}
    if change.get("ca_file"):
        settings["ca_file"] = str(certificates.pki.other)
    for name, kind in (("cert_file", "cert"), ("key_file", "key")):
        if change.get(name):
            settings[name] = str(getattr(getattr(certificates, change[name]), kind))
    if "url" in change:
        settings["url"] = secure_redis.url.replace("127.0.0.1", change["url"])
    async with asyncio.timeout(20), looked(**settings, watch_interval=2.5) as store:
        # What the server says may get lost when it cuts off; then a later look tells.
        while not any(line["error"] == error for line in told.events()):
            await store.look()
        await store.look()

    [line] = [line for line in told.events() if "reset" not in line["error"]]
    next_step = f"{advice}; reads go to LCM; looked at again every 2.5 s"
    assert ("redis.away", "warning", next_step) == (line["event"], line["log_level"], line["next"])
    assert "hunter2" not in str(told.events())


async def test_an_expired_certificate(
    redis_server: PrivateRedis, certificates: Certificates, told: Told
) -> None:
    """It is said so."""
    async with (
        behind_tls(redis_server.port, certificates.expired_server.context()) as port,
        looked(f"rediss://127.0.0.1:{port}/0", ca_file=str(certificates.pki.ca)) as store,
    ):
        assert not store.connected

    [line] = told.events()
    assert "its certificate has expired" == line["error"]


async def test_a_refusal_after_an_absence_is_told(
    secure_redis: SecureRedis, certificates: Certificates, told: Told
) -> None:
    """A Redis that was away and then refuses is a second line, and no third one."""
    redis = RedisSettings.model_validate(
        {"url": f"rediss://127.0.0.1:{free_port()}/0", "retries": 0, **certificates.good}
    )
    client = connect(redis)
    store = Store(client, redis, Metrics())
    await store.look()
    assert isinstance(client, Redis)
    pool = client.connection_pool
    pool.connection_kwargs["port"] = secure_redis.tls_port
    pool.reset()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    await store.look()
    await store.look()
    await store.close()

    away, refused = [line["error"] for line in told.events("redis.away")]
    assert "ConnectionError" in away
    assert "it asks for a password" == refused


class SecureSentinel(PrivateRedis):
    """A Sentinel that speaks TLS alone, has a password, and watches one master by TLS."""

    def __init__(self, certificates: Certificates, tls_port: int, master: SecureRedis) -> None:
        super().__init__(arguments=certificates.redis_arguments(tls_port))
        self.tls_port = tls_port
        self._master = master

    def _programs(self, program: str, port: int) -> list[Program]:
        conf = self.folder / "sentinel.conf"
        conf.write_text(
            f"tls-replication yes\nsentinel monitor {SERVICE} 127.0.0.1 {self._master.tls_port} 1\n"
            f"sentinel auth-pass {SERVICE} {PASSWORD}\nrequirepass of-the-sentinel\n"
        )
        [plain] = super()._programs(program, port)
        options = [word for word in plain.command[1:] if word not in {"--save", ""}]
        keep = options.index("--appendonly")
        del options[keep : keep + 4]
        return [Program(command=[program, str(conf), "--sentinel", *options], env=plain.env)]


async def test_sentinel(secure_redis: SecureRedis, certificates: Certificates, told: Told) -> None:
    """The Sentinels are spoken to by TLS too, with a log-in of their own."""
    async with SecureSentinel(certificates, free_port(), secure_redis) as sentinel:
        url = f"rediss+sentinel://127.0.0.1:{sentinel.tls_port}/{SERVICE}/0"
        settings = {"password": PASSWORD, "sentinel_password": "of-the-sentinel", **certificates.good}
        redis = RedisSettings.model_validate({"url": url, "timeout": 5.0, **settings})
        store = Store(connect(redis), redis, Metrics())
        async with asyncio.timeout(20):
            while not store.connected:  # it has yet to look at its master
                await store.look()
                await asyncio.sleep(0.02)
        assert b"mine" == await store.ask(PlainCall(("ECHO", "mine")))
        await store.close()
        told.forget()
        for change in ({"sentinel_password": "hunter2"}, {"ca_file": str(certificates.pki.other)}):
            async with looked(url, **{**settings, **change}):
                pass

    assert ["the log-in is refused", TRUST] == [line["error"] for line in told.events()]


async def test_cluster(certificates: Certificates) -> None:
    """Redis Cluster takes the same settings, also for the nodes that it names itself."""
    needs("redis-server")
    port = free_port()
    arguments = (
        *certificates.redis_arguments(port),
        *("--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", str(free_port())),
        *("--requirepass", PASSWORD),
    )
    async with PrivateRedis(appendonly=False, arguments=arguments) as node:
        async with Redis.from_url(node.url, password=PASSWORD) as plain:
            await plain.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)  # type: ignore[no-untyped-call]
            async with asyncio.timeout(20):
                while b"cluster_state:ok" not in await plain.execute_command("CLUSTER", "INFO"):  # type: ignore[no-untyped-call]
                    await asyncio.sleep(0.02)
        url = f"rediss+cluster://127.0.0.1:{port}"
        async with looked(url, password=PASSWORD, **certificates.good) as store:
            await store.ask(PlainCall(("SET", "a", "b")))
            assert b"b" == await store.ask(PlainCall(("GET", "a")))
