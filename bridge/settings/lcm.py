"""The LCM WebService, and what is done when it fails."""

import re
from typing import Annotated, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr, model_validator

from bridge.settings.group import Group, tls_faults
from bridge.settingtypes import HttpUrl, Method, Zone

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HEADERS_OF_THE_CLIENT = frozenset(
    {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}
    | {"traceparent", "tracestate"}
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
    concurrency: PositiveInt = Field(default=120, description="calls under way per process")
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
    ca_file: str = Field(
        default="", description="PEM file of the CA that signed LCM's certificate; empty: the system's CAs"
    )
    cert_file: str = Field(default="", description="PEM file of a client certificate")
    key_file: str = Field(default="", description="PEM file of its key, if not in cert_file")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        wrong = []
        if self.username and self.bearer_token.get_secret_value():
            wrong.append("username and bearer_token exclude each other")
        if ":" in self.username:
            wrong.append("username must not hold a colon: basic auth ends it there")
        wrong += tls_faults(self, url="base_url", secure=self.base_url.startswith("https:"))
        sent = {name: value.get_secret_value() for name, value in self.headers.items()}
        if not all(map(_HEADER_NAME.fullmatch, sent)):
            # It is not shown: the value may stand in it.
            wrong.append('headers holds what is no name of a header; they are written {"name": "value"}')
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


HttpStatus = Annotated[int, Field(ge=400, le=599)]
Delay = Annotated[int, Field(ge=100, le=86_400_000)]


class Retry(Group):
    """What is tried again: at once for somebody who waits, later for nobody-waits."""

    quick: Annotated[int, Field(ge=0, le=2)] = Field(
        default=2, description="quick retries of a call that had no effect, when somebody waits for the reply"
    )
    quick_wait: PositiveFloat = Field(
        default=0.1,
        description="seconds that the first quick retry waits at most, doubled by each; full jitter",
    )
    statuses: list[HttpStatus] = Field(
        default_factory=lambda: [429, 502, 503, 504],
        description="HTTP statuses that are tried again; for a side effect only those that exclude an effect",
    )
    budget: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.2, description="quick retries allowed per call, over all: an outage is not multiplied"
    )
    delays: Annotated[list[Delay], Field(min_length=1, max_length=12)] = Field(
        default_factory=lambda: [1_000, 5_000, 30_000, 120_000, 600_000],
        description="milliseconds that a request waits in a delayed queue; one queue each",
    )
    attempts: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=6, description="tries of a request that nobody waits for, before it is dead-lettered"
    )
    deliveries: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=100,
        description="deliveries in vain of one request before it is dead-lettered",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if sorted(set(self.delays)) != self.delays:
            raise ValueError("delays must rise from one to the next")
        return self


class Breaker(Group):
    """The circuit breaker around LCM."""

    window: Annotated[float, Field(ge=1, le=600)] = Field(
        default=30.0, description="seconds over which calls are counted"
    )
    minimum_calls: PositiveInt = Field(default=20, description="calls in the window before it may open")
    failure_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5, description="share of failed calls at which it opens"
    )
    open_for: PositiveFloat = Field(default=5.0, description="seconds until calls are let through as probes")
    probes: PositiveInt = Field(
        default=3,
        description="probes at once; as many successes close it, one failure opens it again",
    )
