"""What is told before it does harm: certificates that end, TLS without verification, a log-in without TLS."""

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import structlog
from support.pki import CLIENT
from tls.secure_servers import Certificates, Mount, Told, pem, watched

from bridge import exposure
from bridge.certificates import expiries, show_expiry
from bridge.cli.check import here
from bridge.exposure import exposures, tell_exposures
from bridge.metrics import Metrics
from bridge.settings import Settings

HTTPS = "https://127.0.0.1:1/lcm.svc"
NAME = "lcm_bridge_certificate_expiry_timestamp_seconds"


def ends(certificate: Path) -> float:
    """Ask openssl when a certificate expires."""
    program = shutil.which("openssl")
    assert program is not None
    arguments = [program, "x509", "-enddate", "-noout", "-in", str(certificate)]
    said = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return float(ssl.cert_time_to_seconds(said.removeprefix("notAfter=").strip()))


def settings(**groups: Any) -> Settings:
    """Make settings of some groups."""
    return Settings.model_validate(groups)


def test_when_files_expire(certificates: Certificates, tmp_path: Path) -> None:
    """Of a client's chain the first end counts, of several CAs the last, also beyond 2049."""
    late = certificates.pki.issue("late-client", CLIENT, days=50 * 365)
    chain, bundle = tmp_path / "chain.pem", tmp_path / "bundle.pem"
    chain.write_text(late.cert.read_text() + certificates.client.cert.read_text())
    bundle.write_text(f"# a comment\n{certificates.expired_client.cert.read_text()}{late.cert.read_text()}")
    found = expiries(
        settings(
            amqp={"url": f"amqps://a/?certfile={chain}&keyfile={late.key}"},
            redis={"url": "rediss://a", "ca_file": str(bundle)},
            lcm={"base_url": HTTPS, **certificates.expired_client.settings()},
        )
    )

    assert [
        ("amqp.cert_file", ends(certificates.client.cert)),
        ("redis.ca_file", ends(late.cert)),
        ("lcm.cert_file", ends(certificates.expired_client.cert)),
    ] == [(one.setting, one.at) for one in found]


@pytest.mark.parametrize("text", ["", "none", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"])
def test_what_cannot_be_read_has_no_end(tmp_path: Path, text: str) -> None:
    """Whether it can be used is told by who loads it."""
    file = tmp_path / "ca.pem"
    file.write_text(text)

    assert [] == expiries(settings(lcm={"base_url": HTTPS, "ca_file": str(file)}))
    file.unlink()
    assert [] == expiries(settings(lcm={"base_url": HTTPS, "ca_file": str(file)}))


async def test_metrics_tell_of_a_renewal(mount: Mount, told: Told, certificates: Certificates) -> None:
    """They tell when the first certificate of a server ends, and whether a change waits in vain."""
    first = pem(certificates.pki.ca, certificates.expired_client)
    secrets = mount("lcm", HTTPS, first)
    credentials, metrics = watched(), Metrics()
    show_expiry(credentials, metrics)

    def shown() -> tuple[float | None, float | None, float | None]:
        value = metrics.registry.get_sample_value
        return (
            value(NAME, {"server": "lcm"}),
            value(NAME, {"server": "redis"}),
            value("lcm_bridge_credentials_not_reloaded"),
        )

    expired = ends(certificates.expired_client.cert)
    assert (expired, 0.0, 0.0) == shown()
    secrets.change(first | {"key.pem": "half"})
    await credentials.look()
    assert (expired, 0.0, 1.0) == shown()
    secrets.change(pem(certificates.pki.ca, certificates.client))
    await credentials.look()

    assert (min(map(ends, (certificates.client.cert, certificates.pki.ca))), 0.0, 0.0) == shown()
    assert ["credentials.not_reloaded", "credentials.reloaded"] == [line["event"] for line in told.events()]


NOT_VERIFIED = "the server's certificate is not verified: whoever pretends to be the server is let in"
NO_NAME = "the name in the server's certificate is not verified: whoever pretends to be the server is let in"
PLAIN = "the log-in goes to LCM without TLS: whoever listens can read it"


@pytest.mark.parametrize(
    ("group", "given", "found"),
    [
        ("amqp", {"url": "amqps://a/?no_verify_ssl=1"}, [NOT_VERIFIED]),
        ("amqp", {"url": "amqps://a/?no_verify_ssl=0,amqps://b"}, []),
        ("redis", {"url": "rediss://a/0?ssl_cert_reqs=none"}, [NOT_VERIFIED]),
        ("redis", {"url": "rediss://a/0?ssl_check_hostname=false"}, [NO_NAME]),
        ("redis", {"url": "rediss://a/0?ssl_cert_reqs=required"}, []),
        ("redis", {"url": "rediss+cluster://a"}, []),
        ("lcm", {"base_url": "http://a/lcm.svc", "username": "u", "password": "p"}, [PLAIN]),
        ("lcm", {"base_url": "http://a/lcm.svc", "bearer_token": "t"}, [PLAIN]),
        ("lcm", {"base_url": "http://a/lcm.svc", "headers": {"X-Key": "k"}}, [PLAIN]),
        ("lcm", {"base_url": "http://a/lcm.svc"}, []),
        ("lcm", {"base_url": "http://127.0.0.1:8/lcm.svc", "bearer_token": "t"}, []),
        ("lcm", {"base_url": "https://a/lcm.svc", "bearer_token": "t"}, []),
    ],
)
def test_what_anybody_could_read_or_pretend(
    monkeypatch: pytest.MonkeyPatch, group: str, given: dict[str, Any], found: list[str]
) -> None:
    """It is told at the start, and by the check, once."""
    told = Told()
    monkeypatch.setattr(exposure, "log", structlog.wrap_logger(None, processors=[told.capture]))
    site = settings(**{group: given})
    tell_exposures(site)

    assert found == [one.found for one in exposures(site)]
    assert [(group, text) for text in found] == [
        (line["server"], line["error"]) for line in told.events("worker.exposed")
    ]
    assert found == [one.found for one in here.check(site, group)]


def test_the_check_tells_when_files_expire(certificates: Certificates) -> None:
    """A warning for what ends within two weeks."""
    late = certificates.pki.issue("late-client", CLIENT, days=100)
    soon = settings(lcm={"base_url": HTTPS, **certificates.good})
    then = settings(lcm={"base_url": HTTPS, **late.settings()})

    assert [("file", "warning", "lcm.ca_file"), ("file", "warning", "lcm.cert_file")] == [
        (one.check, one.state, one.subject) for one in here.check(soon, "lcm")
    ]
    assert ["ok"] == [one.state for one in here.check(then, "lcm")]
    assert [] == here.check(then, "redis")
