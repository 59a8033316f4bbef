"""Every setting, in one typed tree. Each part of the bridge gets its own branch; none gets the whole.

Sources, the first that has a value wins: environment ``BRIDGE_<GROUP>__<NAME>``, files of the same
names in ``BRIDGE_SECRETS_DIR``, ``config/bridge.toml`` (or ``BRIDGE_CONFIG``), the defaults here.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from bridge.settingtypes import (
    AmqpName,
    AmqpPrefix,
    AmqpUrls,
    Count,
    HttpUrl,
    Method,
    Port,
    RedisUrl,
    Share,
    Zone,
)

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HEADERS_OF_THE_CLIENT = frozenset(
    {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}
)


class Group(BaseModel):
    """One group of settings; an unknown name in it is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Amqp(Group):
    """RabbitMQ: where it is, and the names and bounds of what is declared there."""

    url: AmqpUrls = Field(
        default=SecretStr("amqp://guest:guest@localhost:5672/"),
        description="RabbitMQ; several nodes: comma separated",
    )
    prefix: AmqpPrefix = Field(default="lcm", description="first part of every name below that is not set")
    declare: bool = Field(
        default=True, description="declare exchanges and queues; false: only check that they exist"
    )
    requests_exchange: AmqpName = Field(
        default="", description='request exchange; empty: "<prefix>.requests"'
    )
    unrouted_exchange: AmqpName = Field(
        default="", description='its alternate exchange; empty: "<prefix>.requests.unrouted"'
    )
    agent_queue: AmqpName = Field(
        default="", description='request queue of agents; empty: "<prefix>.requests.agent"'
    )
    campaign_queue: AmqpName = Field(
        default="", description='request queue of campaigns; empty: "<prefix>.requests.campaign"'
    )
    events_exchange: AmqpName = Field(default="", description='events exchange; empty: "<prefix>.events"')
    dead_letters_exchange: AmqpName = Field(
        default="", description='dead-letter exchange; empty: "<prefix>.dead-letters"'
    )
    dead_letters_queue: AmqpName = Field(
        default="", description='dead-letter queue; empty: "<prefix>.dead-letters"'
    )
    agent_prefetch: Share = Field(default=100, description="agent requests in flight per process")
    campaign_prefetch: Share = Field(default=50, description="campaign requests in flight per process")
    max_length: Count = Field(
        default=1_000_000, description="messages a request queue holds before it refuses"
    )
    delivery_limit: Count = Field(
        default=1_000_000, description="deliveries the broker allows; the bridge counts attempts itself"
    )
    heartbeat: Annotated[int, Field(ge=1, le=300)] = Field(
        default=15, description="seconds between heartbeats"
    )
    connect_timeout: PositiveFloat = Field(default=10.0, description="seconds for one attempt to connect")
    reconnect_wait: PositiveFloat = Field(
        default=0.5, description="seconds before the first attempt to reconnect, with jitter"
    )
    reconnect_wait_max: PositiveFloat = Field(
        default=2.0, description="seconds that the backoff between attempts grows to"
    )
    publish_timeout: PositiveFloat = Field(
        default=10.0, description="seconds until a publish must be confirmed"
    )
    depth_interval: PositiveFloat = Field(
        default=15.0, description="seconds between looks at the queues' lengths"
    )

    @model_validator(mode="after")
    def _name_everything(self) -> Self:
        defaults = {
            "requests_exchange": "requests",
            "unrouted_exchange": "requests.unrouted",
            "agent_queue": "requests.agent",
            "campaign_queue": "requests.campaign",
            "events_exchange": "events",
            "dead_letters_exchange": "dead-letters",
            "dead_letters_queue": "dead-letters",
        }
        for field, suffix in defaults.items():
            if not getattr(self, field):
                # The model is frozen for its users; here it is still being built.
                object.__setattr__(self, field, f"{self.prefix}.{suffix}")
        exchanges = {
            self.requests_exchange,
            self.unrouted_exchange,
            self.events_exchange,
            self.dead_letters_exchange,
        }
        queues = {self.agent_queue, self.campaign_queue, self.dead_letters_queue}
        if len(exchanges) < 4 or len(queues) < 3:  # noqa: PLR2004 - as many as are listed
            raise ValueError("exchanges must have four different names, and queues three")
        return self


class Redis(Group):
    """Redis: the contact cache."""

    url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="redis://, redis+sentinel://host:26379,host:26379/service/0 or redis+cluster://host,host",
    )
    prefix: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^{}\s]+$")] = Field(
        default="lcm", description="first part of every key"
    )
    timeout: PositiveFloat = Field(default=0.3, description="seconds for one command")
    retries: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="quick retries of one command")
    connections: PositiveInt = Field(default=50, description="connections per process")
    watch_interval: PositiveFloat = Field(
        default=1.0, description="seconds between looks at a Redis that is away"
    )


class Lcm(Group):
    """The LCM WebService: where it is, how to log in, how long to wait."""

    base_url: HttpUrl = Field(
        default="http://localhost:8090/lcmwebservice/contracts/lcmwcfservice.svc",
        description="base URL; the operation's name is appended",
    )
    methods: dict[str, Method] = Field(
        default_factory=dict,
        description="LCM method names that differ here",
    )
    timeout: PositiveFloat = Field(default=20.0, description="seconds for a whole call; below shutdown.grace")
    connect_timeout: PositiveFloat = Field(default=3.0, description="seconds to connect")
    concurrency: PositiveInt = Field(default=100, description="calls under way per process")
    keepalive: NonNegativeFloat = Field(
        default=15.0, description="seconds an idle connection is kept; below LCM's own"
    )
    timezone: Zone = Field(default="UTC", description="IANA zone of LCM's ExpiryTime")
    max_response_bytes: PositiveInt = Field(
        default=4 * 1024 * 1024, description="largest answer that is read"
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="further headers, e.g. an API key"
    )
    username: str = Field(default="", description="basic auth user")
    password: SecretStr = Field(default=SecretStr(""), description="basic auth password")
    bearer_token: SecretStr = Field(default=SecretStr(""), description="bearer token")
    ca_file: str = Field(default="", description="PEM file of the CA that signed LCM's certificate")
    cert_file: str = Field(default="", description="PEM file of a client certificate")
    key_file: str = Field(default="", description="PEM file of its key, if not in cert_file")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        wrong = []
        if self.username and self.bearer_token.get_secret_value():
            wrong.append("username and bearer_token exclude each other")
        if ":" in self.username:
            wrong.append("username must not hold a colon: basic auth ends it there")
        if self.key_file and not self.cert_file:
            wrong.append("key_file needs cert_file")
        sent = {name: value.get_secret_value() for name, value in self.headers.items()}
        wrong += [
            f"header {name!a} is no name of a header" for name in sent if not _HEADER_NAME.fullmatch(name)
        ]
        wrong += [
            f"header {name} must not be set: the client writes it to fit each request"
            for name in sent
            if name.casefold() in _HEADERS_OF_THE_CLIENT
        ]
        sent["username"] = self.username
        sent["password"] = self.password.get_secret_value()
        sent["bearer_token"] = self.bearer_token.get_secret_value()
        wrong += [
            f"{name} must be one line without control characters"
            for name, value in sent.items()
            if _CONTROL.search(value)
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class Contract(Group):
    """Choices where the vendor's pages disagree with themselves."""

    single_contact_as_object: bool = Field(
        default=False,
        description="GetReservedManualDialContact: one contact is an object, as in the vendor's sample",
    )


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


class Replies(Group):
    """Where replies may go."""

    allowed_reply_to: list[str] = Field(
        default_factory=lambda: ["*"],
        description="patterns (with * and ?) of reply queues that may be written to",
    )


class LimitSettings(Group):
    """What is refused as too large."""

    body_bytes: PositiveInt = Field(default=1024 * 1024, description="bytes of a request's body")
    depth: Annotated[int, Field(ge=3, le=200)] = Field(
        default=32, description="levels of nesting in a request's body"
    )
    contacts: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="contacts that one request may ask for"
    )
    xml_chars: PositiveInt = Field(default=65_536, description="characters of one XML field")


class Shutdown(Group):
    """How the process ends."""

    grace: PositiveFloat = Field(
        default=25.0, description="seconds in which running requests finish after SIGTERM"
    )


class Admin(Group):
    """The admin server: /livez, /readyz, /metrics."""

    host: str = Field(default="0.0.0.0", description="address to listen on")  # noqa: S104 - probes come from outside the pod
    port: Port = Field(default=8080, description="port to listen on; 0 picks a free one")


class Log(Group):
    """Logs on standard output."""

    format: Literal["json", "console"] = Field(default="json", description="json or console")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    mask: bool = Field(default=True, description="mask phone numbers and agent ids")


class Settings(Group):
    """The whole tree. `bridge.configuration.load` fills it."""

    amqp: Amqp = Field(default_factory=Amqp)
    redis: Redis = Field(default_factory=Redis)
    lcm: Lcm = Field(default_factory=Lcm)
    contacts: Contacts = Field(default_factory=Contacts)
    contract: Contract = Field(default_factory=Contract)
    replies: Replies = Field(default_factory=Replies)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    access: dict[str, list[str]] = Field(
        default_factory=dict,
        description="broker users that may use an operation; one not listed is open to all",
    )
    shutdown: Shutdown = Field(default_factory=Shutdown)
    admin: Admin = Field(default_factory=Admin)
    log: Log = Field(default_factory=Log)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lcm.timeout >= self.shutdown.grace:
            raise ValueError(
                "lcm.timeout must be below shutdown.grace, or a running call cannot finish at shutdown"
            )
        return self
