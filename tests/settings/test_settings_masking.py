"""No secret is shown: neither by ``lcm-bridge config`` nor by the log of the start."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr
from settings.settings_sources import Sources

from bridge.configuration import describe, load, masked
from bridge.settings import Settings

MARK = "hunter2"
SECRETS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12).map(
    lambda text: text[:6] + MARK + text[6:]
)


def shown(tree: Mapping[str, Any]) -> str:
    """Give everything that ``describe`` shows of settings."""
    rows = describe(Settings.model_validate(tree), {})
    return "\n".join(" ".join(row) for row in rows)


@hypothesis_given(
    password=SECRETS,
    token=SECRETS,
    header=SECRETS,
    scheme=st.sampled_from(["redis", "rediss", "redis+cluster"]),
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_no_secret_is_shown(password: str, token: str, header: str, scheme: str) -> None:
    """Passwords in URLs, tokens and header values, of whatever characters, appear nowhere."""
    quoted = quote(password, safe="")
    text = shown(
        {
            "amqp": {"url": f"amqp://user:{quoted}@a:5672/v,amqps://user:{quoted}@b/v?certfile={quoted}"},
            "redis": {"url": f"{scheme}://user:{quoted}@a:6379"},
            "lcm": {"username": "bridge", "password": password, "headers": {"X-Key": header}},
        }
    ) + shown(
        {
            "lcm": {"bearer_token": f"https://{token}"},
            "redis": {"url": f"redis://:{quoted}@a/0?password={quoted}"},
        }
    )

    assert MARK not in text
    for place in ("user:***@a:5672/v", "user:***@b/v", "user:***@a:6379", "{X-Key: ***}", "bridge"):
        assert place in text


@hypothesis_given(st.text(max_size=8), st.text(max_size=8), st.text(alphabet="@:/?#,%[] ", max_size=5))
def test_a_password_that_is_not_encoded_is_not_shown_either(before: str, after: str, signs: str) -> None:
    """Even where it makes a URL something else: rather too much is hidden."""
    url = f"redis://user:{before}{MARK}{signs}{MARK}{after}@host:6379/0"

    assert MARK not in masked(SecretStr(url), url=True).replace("://", "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://guest:guest@localhost:5672/", "amqp://guest:***@localhost:5672/"),
        ("amqp://u:p@a/v, amqps://u:p@b/v", "amqp://u:***@a/v,amqps://u:***@b/v"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis+sentinel://:p@a:1,b:2/svc/0", "redis+sentinel://:***@a:1,b:2/svc/0"),
        ("redis+cluster://u:p,w@a:1,b:2", "redis+cluster://u:***@a:1,b:2"),
        ("rediss://a/0?ssl_password=x", "rediss://a/0?***"),
        ("redis://:a@b@host/0", "redis://:***@host/0"),
        ("redis://:pw@host/0?x=y@z", "redis://:***@***"),
    ],
)
def test_a_masked_url_still_says_where(url: str, expected: str) -> None:
    """Everything but the password is left to compare, where that is safe."""
    assert expected == masked(SecretStr(url), url=True)


def test_an_unset_secret_is_shown_as_empty() -> None:
    """The reader sees whether a secret is set."""
    assert ("", "***") == (masked(SecretStr("")), masked(SecretStr("x")))


def secret_fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Give the dotted names of all settings that are secret by type."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from secret_fields(kind, f"{path}{name}.")
        elif "SecretStr" in str(kind):
            yield f"{path}{name}"


def test_what_is_secret() -> None:
    """Every setting that can hold a secret is one by type, so that no log shows it by accident."""
    assert {
        "amqp.url",
        "amqp.password",
        "redis.url",
        "redis.password",
        "redis.sentinel_password",
        "lcm.headers",
        "lcm.password",
        "lcm.bearer_token",
    } == set(secret_fields(Settings))
    suspicious = ("password", "token", "secret", "credential")
    for group, info in Settings.model_fields.items():
        fields = getattr(info.annotation, "model_fields", {})
        for name in fields:
            if any(word in name for word in suspicious):
                assert f"{group}.{name}" in set(secret_fields(Settings))


def test_every_setting_is_described_once(given: Sources) -> None:
    """The table of ``lcm-bridge config`` leaves nothing out."""
    given.environment(LCM__PASSWORD=MARK)
    loaded = load()
    rows = describe(loaded.settings, loaded.sources)
    expected = [
        f"{group}.{name}" if name else group
        for group, info in Settings.model_fields.items()
        for name in getattr(info.annotation, "model_fields", {"": None})
    ]

    assert expected == [name for name, _, _ in rows]
    assert MARK not in json.dumps(rows)
