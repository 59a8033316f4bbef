"""Where settings come from, and which source wins."""

from pathlib import Path

import pytest
from settings.settings_sources import Sources, source_of, value_of

from bridge.configuration import load
from bridge.settings import Settings


def test_without_sources_there_are_the_defaults(given: Sources) -> None:
    """Nothing needs to be set."""
    assert given.folder.exists()
    assert Settings() == load().settings
    assert {} == load().sources


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"toml", "secrets", "environment"}, "environment"),
        ({"toml", "secrets"}, "secrets"),
        ({"toml", "environment"}, "environment"),
        ({"secrets", "environment"}, "environment"),
        ({"toml"}, "toml"),
        ({"secrets"}, "secrets"),
    ],
)
def test_the_first_source_that_has_a_value_wins(given: Sources, sources: set[str], expected: str) -> None:
    """Environment over secrets directory over TOML over default, and the winner is named."""
    if "toml" in sources:
        given.toml('[amqp]\nprefix = "toml"\n')
    if "secrets" in sources:
        given.secrets({"BRIDGE_AMQP__PREFIX": "secrets"})
    if "environment" in sources:
        given.environment(AMQP__PREFIX="environment")
    loaded = load()

    assert expected == value_of(loaded, "amqp.prefix")
    assert {"toml": "bridge.toml", "secrets": "secrets directory", "environment": "environment"}[
        expected
    ] in source_of(loaded, "amqp.prefix")
    assert "default" == source_of(loaded, "amqp.url")


def test_sources_are_put_together_setting_by_setting(given: Sources) -> None:
    """A source that sets one name of a group leaves the others to the next source."""
    given.toml('[lcm]\ntimeout = 5.0\nconcurrency = 7\nbase_url = "http://toml/"\n[log]\nlevel = "DEBUG"\n')
    given.secrets({"BRIDGE_LCM__PASSWORD": "hunter2", "BRIDGE_LCM__TIMEOUT": "6"})
    given.environment(LCM__BASE_URL="http://environment/")
    loaded = load()

    names = ("timeout", "concurrency", "base_url", "password", "connect_timeout")
    assert [6.0, 7, "http://environment/", "hunter2", 3.0] == [
        value_of(loaded, f"lcm.{name}") for name in names
    ]
    assert "DEBUG" == loaded.settings.log.level


def test_maps_and_lists_are_json(given: Sources) -> None:
    """In variables and files, maps and lists are written as JSON; one entry of a map can be set by itself."""
    given.environment(
        LCM__METHODS='{"CreateContact": "AddContact"}',
        REPLIES__ALLOWED_REPLY_TO='["widget.*"]',
        ACCESS='{"CreateContact": ["loader"]}',
        LCM__HEADERS__X_KEY="one",
    )
    given.secrets({"BRIDGE_LCM__HEADERS": '{"X-Other": "two"}'})
    loaded = load()

    assert {"CreateContact": "AddContact"} == loaded.settings.lcm.methods
    assert ["widget.*"] == loaded.settings.replies.allowed_reply_to
    assert {"CreateContact": ["loader"]} == loaded.settings.access
    headers = {name: value.get_secret_value() for name, value in loaded.settings.lcm.headers.items()}
    assert {"x_key": "one", "X-Other": "two"} == headers


def test_names_of_variables_and_files_know_no_case(given: Sources) -> None:
    """Lower-case names are the same settings."""
    given.patch.setenv("bridge_admin__port", "1234")
    given.secrets({"bridge_lcm__password": "hunter2"})

    assert (1234, "hunter2") == (value_of(load(), "admin.port"), value_of(load(), "lcm.password"))


def test_the_file_can_be_elsewhere(given: Sources) -> None:
    """``BRIDGE_CONFIG`` names the file that is read instead."""
    given.toml('[amqp]\nprefix = "default-place"\n')
    file = given.toml('[amqp]\nprefix = "elsewhere"\n', "elsewhere/my.toml")
    given.environment(CONFIG=str(file))

    assert "elsewhere" == load().settings.amqp.prefix


def test_files_of_a_secret_as_docker_mounts_them(given: Sources) -> None:
    """Each file is one setting; a newline at its end, and files that are not ours, do not count."""
    given.secrets(
        {
            "BRIDGE_AMQP__URL": "amqp://u:p@rabbit/\n",
            "BRIDGE_LCM__BEARER_TOKEN": " t0ken \r\n",
            "README": "what lies here",
            "other_password": "theirs",
        }
    )
    loaded = load()

    assert "amqp://u:p@rabbit/" == value_of(loaded, "amqp.url")
    assert "t0ken" == value_of(loaded, "lcm.bearer_token")


def test_files_of_a_secret_as_kubernetes_mounts_them(given: Sources) -> None:
    """Links through ``..data`` to a folder with a time stamp are read, also after an update."""
    directory = given.secrets({})
    for stamp, password in (("..2026_01_01", "old"), ("..2026_01_02", "new")):
        (directory / stamp).mkdir()
        (directory / stamp / "BRIDGE_LCM__PASSWORD").write_text(password)
    data = directory / "..data"
    data.symlink_to("..2026_01_01")
    (directory / "BRIDGE_LCM__PASSWORD").symlink_to(Path("..data/BRIDGE_LCM__PASSWORD"))
    before = value_of(load(), "lcm.password")
    data.unlink()
    data.symlink_to("..2026_01_02")

    assert ("old", "new") == (before, value_of(load(), "lcm.password"))
    assert f"secrets directory {directory}" == source_of(load(), "lcm.password")


def test_what_kubernetes_sets_by_itself_is_ignored(given: Sources) -> None:
    """Services called bridge, bridge-amqp and the like put such variables into every pod."""
    given.environment(
        SERVICE_HOST="10.0.0.1",
        SERVICE_PORT="80",
        PORT="tcp://10.0.0.1:80",
        PORT_80_TCP_ADDR="10.0.0.1",
        AMQP_SERVICE_HOST="10.0.0.2",
        AMQP_PORT="tcp://10.0.0.2:5672",
        ADMIN_PORT="tcp://10.0.0.3:8080",
    )

    assert Settings() == load().settings


@pytest.mark.parametrize("prefix", ["lcm", "site-7.lcm"])
def test_names_on_the_broker_follow_the_prefix(given: Sources, prefix: str) -> None:
    """Every name that is not set begins with ``amqp.prefix``; one that is set stays as it is."""
    given.environment(AMQP__PREFIX=prefix, AMQP__EVENTS_EXCHANGE="our.events")
    amqp = load().settings.amqp

    assert [
        f"{prefix}.requests",
        f"{prefix}.requests.unrouted",
        f"{prefix}.requests.agent",
        f"{prefix}.requests.campaign",
        "our.events",
        f"{prefix}.dead-letters",
        f"{prefix}.dead-letters",
    ] == [
        amqp.requests_exchange,
        amqp.unrouted_exchange,
        amqp.agent_queue,
        amqp.campaign_queue,
        amqp.events_exchange,
        amqp.dead_letters_exchange,
        amqp.dead_letters_queue,
    ]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "lcm"), ({"AMQP__PREFIX": "site-7"}, "site-7"), ({"REDIS__PREFIX": "keys"}, "keys")],
)
def test_keys_in_redis_follow_the_prefix(given: Sources, variables: dict[str, str], expected: str) -> None:
    """One setting, ``amqp.prefix``, tells a site from others; who sets ``redis.prefix`` has that."""
    given.environment(**variables)

    assert expected == load().settings.redis.prefix


def test_the_defaults_are_those_of_the_contract() -> None:
    """Numbers and names that other services and ops rely on."""
    settings = Settings()
    amqp, lcm, contacts, limits = settings.amqp, settings.lcm, settings.contacts, settings.limits

    assert ("lcm.requests", "lcm.requests.agent") == (amqp.requests_exchange, amqp.agent_queue)
    assert (1_000_000, 1_000_000) == (amqp.max_length, amqp.delivery_limit)
    assert (20.0, 25.0) == (lcm.timeout, settings.shutdown.grace)
    assert ("UTC", {}) == (lcm.timezone, lcm.methods)
    assert (30.0, 12 * 3600.0, 300.0) == (contacts.fresh_for, contacts.max_age, contacts.default_age)
    assert "off" == contacts.require_fetched
    assert settings.contract.single_contact_as_object is False
    assert (1024 * 1024, 32, 100) == (limits.body_bytes, limits.depth, limits.contacts)
    assert ("0.0.0.0", 8080) == (settings.admin.host, settings.admin.port)  # noqa: S104 - the contract's
    assert ("json", True) == (settings.log.format, settings.log.mask)
    assert ["*"] == settings.replies.allowed_reply_to
