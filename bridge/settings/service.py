"""The service itself: what it accepts and answers, how it ends, where it tells of itself."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from bridge.settings.group import Group
from bridge.settingtypes import CollectorUrl, Port


class Contract(Group):
    """Choices where the vendor's pages disagree with themselves."""

    single_contact_as_object: bool = Field(
        default=False,
        description="GetReservedManualDialContact: one contact is an object, as in the vendor's sample",
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
    json_values: PositiveInt = Field(
        default=10_000, description="values in all objects and arrays of a request's body together"
    )
    string_chars: PositiveInt = Field(
        default=262_144, description="characters of one string in a request's body, or of a member's name"
    )
    header_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=65_536,
        description="bytes of a request's AMQP properties, headers included; a frame has 131,072",
    )
    contacts: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="contacts that one request may ask for"
    )
    xml_chars: PositiveInt = Field(default=65_536, description="characters of one XML field")


class Operations(Group):
    """The operations beside those of the contract."""

    siblings: list[str] = Field(
        default_factory=list,
        description='the vendor\'s other operations that are turned on, by name; ["*"]: all of them',
    )
    directory: str = Field(
        default="",
        description="directory with declarations of the site's own, one TOML file each;"
        " empty: operations, beside this file, if it is there",
    )


class Shutdown(Group):
    """How the process ends."""

    grace: PositiveFloat = Field(
        default=25.0, description="seconds in which running requests finish after SIGTERM"
    )


class Admin(Group):
    """The admin server: /livez, /readyz, /metrics, /asyncapi.json, /docs."""

    host: str = Field(default="0.0.0.0", description="address to listen on")  # noqa: S104 - probes come from outside the pod
    port: Port = Field(default=8080, description="port to listen on; 0 picks a free one")


class Log(Group):
    """Logs on standard output."""

    format: Literal["json", "console"] = Field(default="json", description="json or console")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    mask: bool = Field(default=True, description="mask phone numbers and agent ids")


class Tracing(Group):
    """Spans for OpenTelemetry, with the extra otel. The context of a request is passed on without it too."""

    endpoint: CollectorUrl = Field(
        default="",
        description="URL of an OTLP/HTTP collector, such as http://localhost:4318; empty: no spans",
    )
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0,
        description="share of the requests without a trace that begin one; the others go by what they bring",
    )
