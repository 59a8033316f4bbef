"""Settings that the broker, Redis, the HTTP client or TLS would refuse later are faults at the start."""

import shutil
import subprocess
from pathlib import Path

import pytest
from settings.settings_sources import Sources, as_json, faults, value_of

from bridge.configuration import load

LONG_LABEL = "a" * 70
UNLIMITED = str(2**53 + 1)
METHODS = {"CreateContact": "x"}


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"AMQP__PREFIX": "amq"}, "amqp.prefix: must not start with amq."),
        ({"AMQP__PREFIX": "amq.mine"}, "amqp.prefix: must not start with amq."),
        ({"AMQP__AGENT_QUEUE": "amq.agent"}, "amqp.agent_queue: must not start with amq."),
        ({"AMQP__EVENTS_EXCHANGE": "amq.topic"}, "amqp.events_exchange: must not start with amq."),
        ({"AMQP__AGENT_QUEUE": "ä" * 101}, "amqp.agent_queue: must not have more than 200 bytes"),
        ({"AMQP__MAX_LENGTH": UNLIMITED}, "amqp.max_length: "),
        ({"AMQP__DELIVERY_LIMIT": UNLIMITED}, "amqp.delivery_limit: "),
        ({"AMQP__URL": "amqp://a..b/"}, "amqp.url: names a host"),
        ({"AMQP__URL": f"amqp://a/,amqp://{LONG_LABEL}/"}, "amqp.url: names a host"),
        ({"AMQP__URL": "amqp://a:65536/"}, "amqp.url: names a host that there cannot be, or a port"),
        ({"AMQP__URL": "amqp://u:hunter2/@a/"}, "amqp.url: "),
        ({"AMQP__URL": "amqp://u:hunter2@/"}, "amqp.url: must name a host"),
        ({"AMQP__URL": "amqp://a b/"}, "amqp.url: must name a host"),
        ({"REDIS__URL": "redis://a/zero"}, "redis.url: must name the database by its number"),
        ({"REDIS__URL": "redis://a..b/0"}, "redis.url: must name hosts"),
        ({"REDIS__URL": "redis://a/0?no_such_thing=1"}, "redis-py does not know no_such_thing"),
        ({"REDIS__URL": "redis://a/0?db=zero"}, "redis.url: the query after ? is wrong"),
        ({"REDIS__URL": "redis://a/0?retry=hunter2"}, "redis.url: the query after ? is wrong"),
        ({"REDIS__URL": "rediss://a/0?ssl_ca_certs=/hunter2"}, "redis.url: the query after ? is wrong"),
        ({"REDIS__URL": "redis+cluster://a?password=hunter2"}, "redis.url: must end without a query"),
        ({"REDIS__URL": "redis+sentinel://a/s/0?x=hunter2"}, "redis.url: must end without a query"),
        ({"REDIS__URL": "redis+cluster://a/3"}, "redis.url: must name no database"),
        ({"LCM__BASE_URL": "http://a..b/x"}, "lcm.base_url: names a host"),
        ({"LCM__BASE_URL": f"http://{LONG_LABEL}/x"}, "lcm.base_url: names a host"),
        ({"LCM__METHODS": as_json(METHODS | {"CreateContact": "a/b"})}, "lcm.methods.CreateContact: "),
        ({"LCM__METHODS": as_json(METHODS | {"CreateContact": ""})}, "lcm.methods.CreateContact: "),
        ({"LCM__METHODS": as_json(METHODS | {"CreateContact": ".."})}, "lcm.methods.CreateContact: "),
        ({"AMQP__URL": "amqps://a/?no_verify_ssl="}, "no_verify_ssl in the query of url must be 0 or 1"),
        ({"AMQP__URL": "amqps://a/?no_verify_ssl=false"}, "no_verify_ssl in the query of url must be 0 or 1"),
        ({"LCM__HEADERS": as_json({"X-Key: hunter2": ""})}, "headers holds what is no name of a header"),
        ({"LCM__USERNAME": "a\nb"}, "username must be one line"),
        ({"LCM__USERNAME": "a", "LCM__PASSWORD": "hunter2\x01x"}, "password must be one line"),
    ],
)
def test_what_would_be_refused_later(given: Sources, variables: dict[str, str], part: str) -> None:
    """It is one fault, told before anything is connected, without a secret."""
    given.environment(**variables)

    assert 1 == len(found := faults()), found
    assert part in found[0]
    assert "hunter2" not in found[0]
    assert LONG_LABEL not in found[0]


@pytest.mark.parametrize(
    "name", ["Content-Length", "transfer-encoding", "HOST", "Content-Encoding", "Connection"]
)
def test_headers_that_are_the_clients_own(given: Sources, name: str) -> None:
    """A header that must fit each request cannot be a setting, in whatever case."""
    given.environment(LCM__HEADERS=as_json({name: "hunter2"}))

    assert [f"lcm: header {name} must not be set: the client writes it to fit each request"] == faults()


@pytest.mark.parametrize(
    ("variables", "dotted"),
    [
        ({"AMQP__PREFIX": "amqp"}, "amqp.prefix"),
        ({"AMQP__AGENT_QUEUE": "ä" * 100}, "amqp.agent_queue"),
        ({"AMQP__URL": "amqp://u:p%40w@bücher.example:5671/v?heartbeat=3"}, "amqp.url"),
        ({"AMQP__URL": "amqp://[::1]:5672/,amqps://10.0.0.1"}, "amqp.url"),
        ({"REDIS__URL": "redis://a/0?health_check_interval=3&client_name=x"}, "redis.url"),
        ({"REDIS__URL": "redis+cluster://a/0"}, "redis.url"),
        ({"LCM__BASE_URL": "https://bücher.example./lcm.svc"}, "lcm.base_url"),
    ],
)
def test_what_is_unusual_and_right(given: Sources, variables: dict[str, str], dotted: str) -> None:
    """What works is not refused."""
    given.environment(**variables)

    assert next(iter(variables.values())) == value_of(load(), dotted)


def test_the_largest_numbers(given: Sources) -> None:
    """Two to the power of 53 is still exact everywhere."""
    given.environment(AMQP__MAX_LENGTH=str(2**53), AMQP__DELIVERY_LIMIT=str(2**53))

    assert 2**53 == value_of(load(), "amqp.max_length")
    assert 2**53 == value_of(load(), "amqp.delivery_limit")


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in a folder."""
    program = shutil.which("openssl")
    assert program is not None, "openssl is needed to make certificates"
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, one key also encrypted, and a file that is none of them."""
    folder = tmp_path_factory.mktemp("pem")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("one", "two"):
        openssl(
            folder,
            "req",
            "-x509",
            *key,
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
        )
    openssl(folder, "ec", "-in", "one.key", "-aes256", "-passout", "pass:hunter2", "-out", "locked.key")
    (folder / "none.pem").write_text("no certificate")
    return folder


SECURE = {
    "AMQP": {"AMQP__URL": "amqps://a/"},
    "REDIS": {"REDIS__URL": "rediss://a/0"},
    "LCM": {"LCM__BASE_URL": "https://a/lcm.svc"},
}


@pytest.mark.parametrize("group", SECURE)
@pytest.mark.parametrize(
    ("files", "setting", "named"),
    [
        ({"CA_FILE": "missing.pem"}, "ca_file", "missing.pem"),
        ({"CA_FILE": "none.pem"}, "ca_file", "none.pem"),
        ({"CERT_FILE": "missing.pem"}, "cert_file", "missing.pem"),
        ({"CERT_FILE": "none.pem", "KEY_FILE": "one.key"}, "cert_file", "none.pem"),
        ({"CERT_FILE": "one.pem"}, "cert_file", "one.pem"),
        ({"CERT_FILE": "one.pem", "KEY_FILE": "missing.key"}, "key_file", "missing.key"),
        ({"CERT_FILE": "one.pem", "KEY_FILE": "."}, "key_file", "pem"),
        ({"CERT_FILE": "one.pem", "KEY_FILE": "two.key"}, "cert_file", "two.key"),
        ({"CERT_FILE": "one.pem", "KEY_FILE": "locked.key"}, "cert_file", "locked.key"),
    ],
)
def test_files_that_cannot_be_loaded(
    given: Sources, pem: Path, group: str, files: dict[str, str], setting: str, named: str
) -> None:
    """The fault names the setting, its source and the file."""
    given.environment(
        **SECURE[group], **{f"{group}__{name}": str(pem / file) for name, file in files.items()}
    )

    assert 1 == len(found := faults()), found
    assert found[0].startswith(f"{group.lower()}.{setting}: ")
    assert found[0].endswith(" (from environment)")
    assert named in found[0]


def test_files_that_can_be_loaded(given: Sources, pem: Path) -> None:
    """Right files are no fault."""
    given.environment(
        LCM__BASE_URL="https://a/lcm.svc",
        LCM__CA_FILE=str(pem / "two.pem"),
        LCM__CERT_FILE=str(pem / "one.pem"),
        LCM__KEY_FILE=str(pem / "one.key"),
    )

    assert str(pem / "two.pem") == value_of(load(), "lcm.ca_file")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AMQP__CA_FILE": "two.pem"}, "amqp: ca_file: url does not use TLS"),
        (
            {"AMQP__URL": "amqps://a/,amqp://b/", "AMQP__CERT_FILE": "one.pem", "AMQP__KEY_FILE": "one.key"},
            "amqp: cert_file and key_file: url does not use TLS",
        ),
        ({"REDIS__CA_FILE": "two.pem"}, "redis: ca_file: url does not use TLS"),
        ({"LCM__CA_FILE": "two.pem"}, "lcm: ca_file: base_url does not use TLS"),
        (
            {"AMQP__URL": "amqps://a/?capath=/etc/ssl/certs", "AMQP__CA_FILE": "two.pem"},
            "amqp: ca_file and files in the query of url exclude each other",
        ),
        (
            {"REDIS__URL": "rediss://a/0?ssl_check_hostname=no", "REDIS__CA_FILE": "two.pem"},
            "redis: ca_file and files in the query of url exclude each other",
        ),
        ({"REDIS__URL": "rediss://a/0", "REDIS__KEY_FILE": "one.key"}, "redis: key_file needs cert_file"),
        (
            {"AMQP__URL": "amqps://a/?cafile=/none.pem"},
            "amqp.url: a file in the query after ? cannot be loaded: No such file or directory",
        ),
        (
            {"AMQP__URL": "amqps://a/", "AMQP__AUTH": "external", "AMQP__USERNAME": "u"},
            "amqp: auth external needs cert_file",
        ),
    ],
)
def test_files_that_would_not_be_used(
    given: Sources, pem: Path, variables: dict[str, str], expected: str
) -> None:
    """Who names a certificate and would speak without it, or with another one, is told."""
    given.environment(
        **{name: str(pem / value) if name.endswith("_FILE") else value for name, value in variables.items()}
    )

    assert 1 == len(found := faults()), found
    assert found[0].startswith(expected)


def test_files_and_other_faults_are_told_together(given: Sources, pem: Path) -> None:
    """Neither a fault of the whole group nor one beside it hides a file that is missing."""
    given.environment(
        LCM__USERNAME="u",
        LCM__BEARER_TOKEN="t",
        LCM__CA_FILE=str(pem / "missing.pem"),
        LCM__CERT_FILE=str(pem / "missing.crt"),
        LCM__TIMEZONE="Mars/Olympus",
        REDIS__URL="redis://a/?no_such=1",
        AMQP__PREFIX="amq",
    )
    found = "\n".join(faults())

    for part in (
        "exclude each other",
        "missing.pem",
        "missing.crt",
        "lcm.timezone",
        "no_such",
        "amqp.prefix",
    ):
        assert part in found
    assert 6 == len(faults())
