"""Settings that cannot be right: each fault says what and from where, and all are listed at once."""

import asyncio
import os
import sys

import pytest
from settings.settings_sources import Sources, as_json, faults, value_of

from bridge.configuration import load
from bridge.settings import Lcm, Settings
from bridge.settings.wording import PATTERNS
from bridge.settingtypes import redis_places

RIGHT_REDIS = [
    "redis://localhost",
    "redis://:p%40w@localhost:6379/1",
    "rediss://user:pw@redis.example:6380/0?ssl_cert_reqs=required",
    "redis://[::1]:6379/0",
    "redis+cluster://a:7000,b:7001,c",
    "rediss+cluster://user:pw@a:7000,[2001:db8::1]:7001",
    "redis+sentinel://a:26379,b,c:26380/mymaster/2",
    "rediss+sentinel://:pw@a/mymaster",
]
WRONG_REDIS = [
    "",
    "localhost:6379",
    "http://localhost",
    "redis://",
    "redis://a:6379,b:6379",
    "redis://a:0",
    "redis://a:99999",
    "redis://a:port",
    "redis://:pa/ss@a",
    "redis+cluster://a,,b",
    "redis+cluster://a:7000,b:x",
    "redis+sentinel://a:26379",
    "redis+sentinel://a:26379/",
    "redis+sentinel://a:26379/mymaster/zero",
    "redis://[::1",
]


def test_every_fault_is_listed_at_once(given: Sources) -> None:
    """Faults of all sources and kinds stand side by side, none hides another."""
    given.toml('[amqp]\nheartbeat = 0\n[lcm]\ntimezone = "Mars/Olympus"\n[nonsense]\nx = 1\n')
    given.secrets({"BRIDGE_REDIS__RETRIES": "many", "BRIDGE_LOGS__LEVEL": "INFO"})
    given.environment(
        AMPQ__URL="amqp://x/",
        LCM__TIMEUOT="5",
        LCM__METHODS="not json",
        ADMIN__PORT="99999",
        LOG__LEVEL="LOUD",
        ACCESS=as_json({"CreateContact": ["a"], "DeleteContact": ["b"]}),
        SHUTDOWN__GRACE="20",
    )
    found = faults()

    for part in (
        "BRIDGE_AMPQ__URL: there is no group of settings 'ampq'; there are access, admin, amqp",
        "lcm.timeuot: ",
        "lcm.methods: ",
        "admin.port: ",
        "log.level: ",
        "amqp.heartbeat: ",
        "lcm.timezone: must be an IANA time zone such as Europe/Berlin",
        "nonsense: ",
        "BRIDGE_LOGS__LEVEL: there is no group of settings 'logs'",
        "redis.retries: ",
        "access: DeleteContact is no operation; there are GetReservedManualDialContact",
        "lcm.timeout must be below shutdown.grace",
    ):
        assert 1 == len([fault for fault in found if part in fault]), (part, found)
    assert 12 == len(found)


def test_a_fault_says_how_it_is_right(given: Sources) -> None:
    """A misspelt setting names the one that was meant, a list how it is written."""
    given.toml("[nonsense]\nx = 1\n[log]\nxyzzy = 1\n")
    given.environment(AMQP__URLL="x", OPERATIONS__SIBLINGS="SetDNC, GetCallOutCome")

    found = "\n".join(faults())

    assert "amqp.urll: there is no such setting; did you mean amqp.url? (from environment)" in found
    assert 'operations.siblings: must be a list in JSON, such as ["SetDNC", "GetCallOutCome"]' in found
    assert "nonsense: there is no group of settings 'nonsense'; there are access, admin" in found
    assert "log.xyzzy: there is no such setting; there are log." in found


def test_a_fault_names_its_source(given: Sources) -> None:
    """The reader sees where to change it."""
    given.toml("[amqp]\nheartbeat = 0\n")
    directory = given.secrets({"BRIDGE_REDIS__RETRIES": "many"})
    given.environment(ADMIN__PORT="x")
    found = sorted(faults())

    assert found[0].endswith("(from environment)")
    assert found[1].endswith("(from config/bridge.toml)")
    assert found[2].endswith(f"(from secrets directory {directory})")


@pytest.mark.parametrize(
    ("toml", "part"),
    [
        ("[amqp\n", "bridge.toml: "),
        ('[amqp]\nprefix = "a"\nprefix = "b"\n', "bridge.toml: "),
        ("amqp = 5\n", "amqp: "),
        ('[amqp]\nprefix = ["a"]\n', "amqp.prefix: "),
        ("[lcm]\nmethods = 5\n", "lcm.methods: "),
        ("[log]\nmask = 3\n", "log.mask: "),
        ("[lcm]\ntimeout = nan\n", "lcm.timeout: "),
        ("[redis]\ntimeout = inf\n", "redis.timeout: "),
    ],
)
def test_a_toml_file_that_cannot_be_right(given: Sources, toml: str, part: str) -> None:
    """Broken syntax and wrong types are one fault each."""
    given.toml(toml)

    assert 1 == len(found := faults())
    assert part in found[0]


def test_a_toml_file_that_is_no_text(given: Sources) -> None:
    """Bytes that are no UTF-8 are a fault of the file."""
    given.toml("").write_bytes(b"\xff\xfe")

    assert "bridge.toml" in faults()[0]


@pytest.mark.parametrize("name", ["CONFIG", "SECRETS_DIR"])
def test_a_named_place_that_is_not_there(given: Sources, name: str) -> None:
    """A file or directory that is asked for must exist; the default file need not."""
    given.environment(**{name: str(given.folder / "nowhere")})

    assert 1 == len(found := faults())
    assert "nowhere" in found[0]


def test_a_secrets_directory_that_is_a_file(given: Sources) -> None:
    """A file in place of the directory is told."""
    given.environment(SECRETS_DIR=str(given.toml("", "secret.toml")))

    assert "names no directory" in faults()[0]


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"LCM__USERNAME": "u", "LCM__BEARER_TOKEN": "t"}, "username and bearer_token exclude each other"),
        ({"LCM__USERNAME": "u:v"}, "colon"),
        ({"LCM__KEY_FILE": "k.pem"}, "key_file needs cert_file"),
        ({"LCM__TIMEOUT": "25"}, "lcm.timeout must be below shutdown.grace, which is 25 s"),
        ({"LEDGER__WAIT_REPLICAS": "1", "REDIS__TIMEOUT": "0.2"}, "ledger.wait_timeout must be below redis"),
        ({"LCM__TIMEOUT": "0"}, "lcm.timeout: "),
        ({"LCM__BASE_URL": "localhost:8090"}, "lcm.base_url: "),
        ({"LCM__BASE_URL": "ftp://localhost/"}, "lcm.base_url: "),
        ({"LCM__BASE_URL": "http://h/x?y=1"}, "lcm.base_url: "),
        ({"LCM__BASE_URL": "http://u:hunter2@h/x"}, "must hold no log-in"),
        ({"LCM__BASE_URL": "http://h:99999/x"}, "lcm.base_url: "),
        ({"LCM__HEADERS": as_json({"X-Key": "a\r\nX-Evil: b"})}, "X-Key must be one line"),
        ({"LCM__HEADERS": as_json({"X Key": "a"})}, "no name of a header"),
        ({"LCM__BEARER_TOKEN": "a\nb"}, "bearer_token must be one line"),
        ({"LCM__TIMEZONE": "../etc/passwd"}, "lcm.timezone: "),
        ({"LCM__TIMEZONE": ""}, "lcm.timezone: "),
        ({"AMQP__URL": "http://localhost"}, "amqp.url: must be a URL that starts with amqp:// or amqps://"),
        ({"AMQP__URL": "amqp://a,b"}, "amqp.url: "),
        ({"AMQP__URL": "amqp://a:0"}, "port 0"),
        ({"AMQP__PREFIX": "a b"}, "amqp.prefix: "),
        ({"AMQP__AGENT_QUEUE": "q", "AMQP__CAMPAIGN_QUEUE": "q"}, "different names"),
        ({"AMQP__EVENTS_EXCHANGE": "lcm.requests"}, "different names"),
        ({"AMQP__AGENT_PREFETCH": "0", "AMQP__CAMPAIGN_PREFETCH": "0"}, "are both 0"),
        ({"AMQP__AGENT_PREFETCH": "-1"}, "amqp.agent_prefetch: "),
        ({"REDIS__PREFIX": "a{b}"}, "redis.prefix: "),
        ({"LIMITS__DEPTH": "2"}, "limits.depth: "),
        ({"CONTACTS__REQUIRE_FETCHED": "sometimes"}, "contacts.require_fetched: "),
        ({"REPLIES__ALLOWED_REPLY_TO": "a*,b*"}, "replies.allowed_reply_to: "),
        ({"LCM__METHODS": as_json({"CreatContact": "X"})}, "lcm.methods: CreatContact is no operation"),
    ],
)
def test_a_value_that_cannot_work(given: Sources, variables: dict[str, str], part: str) -> None:
    """Each is told before anything is started, without a secret."""
    given.environment(**variables)

    assert 1 == len(found := faults())
    assert part in found[0]
    assert "hunter2" not in found[0]


def test_two_faults_of_one_log_in_are_both_told(given: Sources) -> None:
    """What belongs together is judged together."""
    given.environment(LCM__USERNAME="u", LCM__BEARER_TOKEN="t", LCM__KEY_FILE="k")

    assert "exclude each other" in faults()[0]
    assert "key_file needs cert_file" in faults()[0]


def test_several_nodes_of_rabbitmq(given: Sources) -> None:
    """The URLs of a cluster's nodes are comma separated."""
    url = "amqp://u:p@a:5672/v, amqps://u:p@b/v"
    given.environment(AMQP__URL=url)

    assert url == value_of(load(), "amqp.url")


@pytest.mark.parametrize("url", RIGHT_REDIS)
def test_urls_of_redis(given: Sources, url: str) -> None:
    """One node, several of a Cluster, several Sentinels with the service's name."""
    given.environment(REDIS__URL=url)

    assert url == value_of(load(), "redis.url")


@pytest.mark.parametrize("url", WRONG_REDIS)
def test_urls_that_are_none_of_redis(given: Sources, url: str) -> None:
    """A URL that lacks a part, or holds one that cannot be, is a fault and is not repeated."""
    given.environment(REDIS__URL=url)

    assert 1 == len(found := faults())
    assert found[0].startswith("redis.url: ")
    assert len(url) < 9 or url not in found[0]


def test_the_places_of_a_redis_url() -> None:
    """Hosts and ports, whatever stands before and behind them; IPv6 loses its brackets."""
    assert [("a", 7000), ("::1", 7001), ("c", None)] == redis_places(
        "redis+cluster://u:p,w@a:7000,[::1]:7001,c/x"
    )


def test_an_ipv6_base_url_is_right() -> None:
    """Addresses in brackets are hosts too."""
    assert "http://[::1]:8090/lcm.svc" == Lcm(base_url="http://[::1]:8090/lcm.svc").base_url


async def test_the_worker_exits_with_2_and_lists_every_fault() -> None:
    """``python -m bridge run`` with settings that cannot be right starts nothing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "run"),
        env={**os.environ, "BRIDGE_ADMIN__PORT": "x", "BRIDGE_AMPQ__URL": "amqp://u:hunter2@h/"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await asyncio.wait_for(process.communicate(), 30)

    assert (2, b"") == (process.returncode, out)
    assert b"BRIDGE_AMPQ__URL" in said
    assert b"admin.port" in said
    assert b"hunter2" not in said


def test_what_must_be_is_said_and_no_pattern(given: Sources) -> None:
    """In the words of the other faults, not in those of the library, nor as a regular expression."""
    given.environment(
        AMQP__PREFIX="a b",
        REDIS__PREFIX="x{",
        LCM__BASE_URL="lcm.example",
        LCM__TIMEOUT="soon",
        LCM__METHODS="AddContact",
        LOG__FORMAT="xml",
        RETRY__DELAYS="[]",
    )

    assert [
        "amqp.prefix: must be of letters, digits and _ . : -",
        "redis.prefix: must have neither blanks nor braces",
        "lcm.base_url: must be a URL that starts with http:// or https://, without a query",
        'lcm.methods: must be a map in JSON, such as {"CreateContact": "AddContact"}',
        "lcm.timeout: must be a valid number, unable to parse string as a number",
        "retry.delays: must have at least 1 item after validation, not 0",
        "log.format: must be 'json' or 'console'",
    ] == [fault.removesuffix(" (from environment)") for fault in faults()]


def test_every_pattern_has_its_words() -> None:
    """A setting that is held against a regular expression says what it must be."""
    groups = Settings.model_json_schema()["$defs"]
    fields = {name: info.annotation for name, info in Settings.model_fields.items()}
    patterns = {
        f"{group}.{name}"
        for group, form in fields.items()
        for name, about in groups.get(getattr(form, "__name__", ""), {}).get("properties", {}).items()
        if "pattern" in about
    }

    assert patterns == set(PATTERNS)
