"""Redis, and what is kept there: the contact cache and the request ledger."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from bridge.settings.group import Group, tls_faults
from bridge.settingtypes import RedisUrl, split_redis_url


class Redis(Group):
    """Redis: the contact cache and the request ledger."""

    url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="redis://, redis+sentinel://host:26379,host:26379/service/0 or redis+cluster://host,host;"
        " rediss... with TLS",
    )
    username: str = Field(default="", description="user; empty: the one in url, or Redis's default user")
    password: SecretStr = Field(default=SecretStr(""), description="password; empty: the one in url")
    sentinel_username: str = Field(default="", description="user of the Sentinels; empty: their default user")
    sentinel_password: SecretStr = Field(
        default=SecretStr(""), description="password of the Sentinels; empty: they ask for none"
    )
    ca_file: str = Field(
        default="", description="PEM file of the CA that signed Redis's certificate; empty: the system's CAs"
    )
    cert_file: str = Field(default="", description="PEM file of a client certificate")
    key_file: str = Field(default="", description="PEM file of its key, if not in cert_file")
    prefix: Annotated[str, Field(max_length=64, pattern=r"^[^{}\s]*$")] = Field(
        default="", description="first part of every key; empty: amqp.prefix"
    )
    timeout: PositiveFloat = Field(default=0.3, description="seconds for one command")
    retries: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="quick retries of one command")
    connections: PositiveInt = Field(
        default=50, description="connections per process at most; without a Cluster, one or two are used"
    )
    watch_interval: PositiveFloat = Field(
        default=1.0,
        description="seconds between looks at Redis: is it there, what is paused, what it has missed",
    )

    @model_validator(mode="after")
    def _files(self) -> Self:
        parts = split_redis_url(self.url.get_secret_value())
        secure = parts.scheme.startswith("rediss")
        if wrong := list(tls_faults(self, url="url", secure=secure, in_url="ssl_" in parts.query)):
            raise ValueError("; ".join(wrong))
        return self


class Contacts(Group):
    """The cache of contacts reserved for an agent."""

    fresh_for: NonNegativeFloat = Field(
        default=30.0, description="seconds in which it answers in LCM's place; 0: never"
    )
    max_age: PositiveFloat = Field(
        default=12 * 3600.0, description="seconds after which a contact leaves at the latest"
    )
    default_age: PositiveFloat = Field(
        default=300.0, description="seconds for a contact whose ExpiryTime cannot be read"
    )
    per_agent: PositiveInt = Field(
        default=200, description="contacts kept per agent and kind; the oldest leave first"
    )
    require_fetched: Literal["off", "enforce"] = Field(
        default="off", description="enforce: only a contact in the agent's cache may be skipped"
    )


class Ledger(Group):
    """The request ledger in Redis, by which a side effect happens at most once per key."""

    retention: Annotated[float, Field(ge=1, le=366 * 86400)] = Field(
        default=86400.0, description="seconds that a stored reply is kept for repetitions"
    )
    unknown_retention: Annotated[float, Field(ge=1, le=366 * 86400)] = Field(
        default=30 * 86400.0,
        description="seconds that an unknown outcome is kept, for a person to settle; not below retention",
    )
    lease: Annotated[float, Field(ge=1, le=300)] = Field(
        default=15.0,
        description="seconds after which a side effect counts as cut off unless its worker renews the claim",
    )
    when_unavailable: Literal["hold", "proceed"] = Field(
        default="hold",
        description="a first delivery while Redis is away: hold it, or proceed unrecorded",
    )
    hold_for: PositiveFloat = Field(
        default=900.0, description="seconds that a request without a deadline is held at most"
    )
    record_within: Annotated[float, Field(ge=0, le=60)] = Field(
        default=3.0,
        description="seconds that a reply waits for its recording when Redis goes away during a call",
    )
    unknown_outcome: Literal["report", "retry"] = Field(
        default="report",
        description="retry: call again, for an LCM front that honours the header Idempotency-Key",
    )
    wait_replicas: NonNegativeInt = Field(
        default=0, description="Redis replicas that must have a claim before LCM is called"
    )
    wait_timeout: PositiveFloat = Field(
        default=0.2, description="seconds to wait for these replicas; below redis.timeout"
    )

    @model_validator(mode="after")
    def _unknown_longest(self) -> Self:
        if self.unknown_retention < self.retention:
            raise ValueError("unknown_retention must not be below retention")
        return self
