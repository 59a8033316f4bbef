"""Every setting, in one typed tree. Each part of the bridge gets its own branch; none gets the whole.

Sources, the first that has a value wins: environment ``BRIDGE_<GROUP>__<NAME>``, files of the same
names in ``BRIDGE_SECRETS_DIR``, ``config/bridge.toml`` (or ``BRIDGE_CONFIG``), the defaults here.
"""

from typing import Self

from pydantic import Field, model_validator

from bridge.settings.broker import Amqp
from bridge.settings.group import Group
from bridge.settings.lcm import Breaker, Lcm, Retry
from bridge.settings.service import (
    Admin,
    Contract,
    LimitSettings,
    Log,
    Operations,
    Replies,
    Shutdown,
    Tracing,
)
from bridge.settings.store import Contacts, Ledger, Redis

__all__ = [
    "Admin",
    "Amqp",
    "Breaker",
    "Contacts",
    "Contract",
    "Group",
    "Lcm",
    "Ledger",
    "LimitSettings",
    "Log",
    "Operations",
    "Redis",
    "Replies",
    "Retry",
    "Settings",
    "Shutdown",
    "Tracing",
]


class Settings(Group):
    """The whole tree. `bridge.configuration.load` fills it."""

    amqp: Amqp = Field(default_factory=Amqp)
    redis: Redis = Field(default_factory=Redis)
    ledger: Ledger = Field(default_factory=Ledger)
    lcm: Lcm = Field(default_factory=Lcm)
    retry: Retry = Field(default_factory=Retry)
    breaker: Breaker = Field(default_factory=Breaker)
    contacts: Contacts = Field(default_factory=Contacts)
    contract: Contract = Field(default_factory=Contract)
    replies: Replies = Field(default_factory=Replies)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    operations: Operations = Field(default_factory=Operations)
    access: dict[str, list[str]] = Field(
        default_factory=dict,
        description="broker users that may use an operation; one not listed is open to all",
    )
    sources: dict[str, list[str]] = Field(
        default_factory=dict,
        description="sources of envelopes from which an operation that access restricts is taken; anyone can"
        " write any source, so this only narrows access",
    )
    shutdown: Shutdown = Field(default_factory=Shutdown)
    admin: Admin = Field(default_factory=Admin)
    log: Log = Field(default_factory=Log)
    tracing: Tracing = Field(default_factory=Tracing)

    @model_validator(mode="after")
    def _one_prefix(self) -> Self:
        if not self.redis.prefix:
            # One setting tells a site from others on the same servers. The model is frozen for its users;
            # here it is still being built.
            object.__setattr__(self, "redis", self.redis.model_copy(update={"prefix": self.amqp.prefix}))
        return self

    @model_validator(mode="after")
    def _sources_only_narrow(self) -> Self:
        users = {name.casefold() for name in self.access}
        if unguarded := [name for name in self.sources if name.casefold() not in users]:
            name = unguarded[0]
            raise ValueError(
                f"sources.{name} needs access.{name}: whoever publishes can write any source, so alone it"
                " keeps nobody out"
            )
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lcm.timeout >= self.shutdown.grace:
            raise ValueError(
                f"lcm.timeout must be below shutdown.grace, which is {self.shutdown.grace:g} s, or a running"
                " call cannot finish at shutdown"
            )
        if self.ledger.wait_replicas and self.ledger.wait_timeout >= self.redis.timeout:
            raise ValueError(
                f"ledger.wait_timeout must be below redis.timeout, which is {self.redis.timeout:g} s, or a"
                " claim is given up too early"
            )
        return self
