"""RabbitMQ: where it is, and what is declared there."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, SecretStr, model_validator
from yarl import URL

from bridge.operations.model import Lane
from bridge.settings.group import Group, tls_faults
from bridge.settingtypes import (
    LONGEST_AMQP_NAME,
    LONGEST_DELAY,
    AmqpName,
    AmqpPrefix,
    AmqpUrls,
    Count,
    Prefetch,
)

_FILES = {"cafile", "capath", "cadata", "certfile", "keyfile", "no_verify_ssl"}
"""What the client library reads from the query of a URL."""


class Amqp(Group):
    """RabbitMQ: where it is, and the names and bounds of what is declared there."""

    url: AmqpUrls = Field(
        default=SecretStr("amqp://guest:guest@localhost:5672/"),
        description="RabbitMQ, amqp:// or with TLS amqps://; several nodes: comma separated",
    )
    username: str = Field(default="", description="user; empty: the one in url")
    password: SecretStr = Field(default=SecretStr(""), description="its password; empty: the one in url")
    auth: Literal["plain", "external"] = Field(
        default="plain", description="external: log in by the client certificate, which stands for username"
    )
    ca_file: str = Field(
        default="",
        description="PEM file of the CA that signed RabbitMQ's certificate; empty: the system's CAs",
    )
    cert_file: str = Field(default="", description="PEM file of a client certificate")
    key_file: str = Field(default="", description="PEM file of its key, if not in cert_file")
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
    agent_prefetch: Prefetch = Field(
        default=100, description="agent requests in flight per process; 0: it does not consume their queue"
    )
    campaign_prefetch: Prefetch = Field(
        default=20,
        description="campaign requests in flight per process; many make agents wait; 0: as above",
    )
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
        default=15.0,
        description="seconds between looks at the queues' lengths, and at whether all is still declared",
    )

    @property
    def urls(self) -> list[URL]:
        """The URL of each node, with everything that is set for the log-in and for TLS."""
        urls = [URL(part.strip()) for part in self.url.get_secret_value().split(",")]
        query = {"cafile": self.ca_file, "certfile": self.cert_file, "keyfile": self.key_file}
        query = {name: file for name, file in query.items() if file}
        if self.auth == "external":
            query["auth"] = "external"
        if self.username:
            urls = [url.with_user(self.username) for url in urls]
        if password := self.password.get_secret_value():
            urls = [url.with_password(password) for url in urls]
        return [url.update_query(query) for url in urls] if query else urls

    @property
    def prefetches(self) -> dict[str, int]:
        """The prefetch of each request queue; 0 where this worker does not consume it."""
        return {self.agent_queue: self.agent_prefetch, self.campaign_queue: self.campaign_prefetch}

    def queue_of(self, lane: Lane) -> str:
        """Return the request queue of a lane."""
        return self.agent_queue if lane == "agent" else self.campaign_queue

    @property
    def retry_prefix(self) -> str:
        """First part of the names of the delayed queues."""
        return f"{self.prefix}.retry."

    @model_validator(mode="after")
    def _log_in(self) -> Self:
        urls = self.urls
        given = [URL(part.strip()) for part in self.url.get_secret_value().split(",")]
        wrong = list(
            tls_faults(
                self,
                url="url",
                secure=all(url.scheme == "amqps" for url in given),
                in_url=any(_FILES & url.query.keys() for url in given),
            )
        )
        if any(url.query.get("no_verify_ssl", "0") not in {"0", "1"} for url in urls):
            wrong.append("no_verify_ssl in the query of url must be 0 or 1")
        if any(url.query.get("auth", "").upper() == "EXTERNAL" and not url.user for url in urls):
            wrong.append("with auth external, username must be the one that the certificate stands for")
        if (
            self.auth == "external"
            and not self.cert_file
            and not any("certfile" in url.query for url in given)
        ):
            wrong.append("auth external needs cert_file")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _consume_something(self) -> Self:
        if not self.agent_prefetch and not self.campaign_prefetch:
            raise ValueError(
                "agent_prefetch and campaign_prefetch are both 0: a worker consumes one queue at least"
            )
        return self

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
        for queue in queues:
            if queue.startswith(self.retry_prefix):
                raise ValueError(f"no queue may be named {self.retry_prefix}* : the delayed queues are")
        for field in ("agent_queue", "campaign_queue"):
            longest = f"{self.retry_prefix}{getattr(self, field)}.{LONGEST_DELAY}"
            if (most := LONGEST_AMQP_NAME - len(longest.encode())) < 0:
                raise ValueError(
                    f"{field} is {-most} bytes too long: its delayed queues are named "
                    f"<prefix>.retry.<{field}>.<milliseconds>, and AMQP carries {LONGEST_AMQP_NAME} bytes"
                )
        if len(exchanges) < 4 or len(queues) < 3:  # noqa: PLR2004 - as many as are listed
            raise ValueError("exchanges must have four different names, and queues three")
        return self
