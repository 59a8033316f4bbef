"""The types of single settings: what each may hold, told so that the reader knows what to change.

What a fault says may be logged, so it never repeats a URL: a log-in may be anywhere in a mistyped one.
"""

import re
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr
from yarl import URL

_HIGHEST_PORT = 65_535
_LONGEST_NAME = 200
LONGEST_AMQP_NAME = 255
LONGEST_DELAY = 86_400_000
"""Milliseconds for which a request can be parked at most."""
_EXACT = 2**53  # up to here every client and every display means the same number

Port = Annotated[int, Field(ge=0, le=_HIGHEST_PORT)]
Prefetch = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1, le=_EXACT)]


def _check_place(url: str) -> None:
    """Raise ValueError for a host that cannot be looked up, or a port that there cannot be."""
    try:
        parts = URL(url)
        hosts = [parts.host or "", parts.raw_host or ""]
        for host in hosts:
            host.encode("idna")  # as it is encoded when it is looked up
        port = parts.explicit_port
    except ValueError:
        raise ValueError(
            "names a host that there cannot be, or a port that is none; "
            "other characters of a password are written as %XX"
        ) from None
    if not hosts[0] or re.search(r"\s", hosts[0]):
        raise ValueError("must name a host")
    if port == 0:
        raise ValueError("must not have port 0")


def _amqp_urls(url: SecretStr) -> SecretStr:
    for part in url.get_secret_value().split(","):
        if not re.match(r"amqps?://[^/]", part.strip()):
            raise ValueError("must be a URL that starts with amqp:// or amqps://")
        _check_place(part.strip())
    return url


AmqpUrls = Annotated[SecretStr, AfterValidator(_amqp_urls)]


def _amqp_name(name: str) -> str:
    if name.startswith("amq."):
        raise ValueError("must not start with amq. : the broker keeps such names for itself")
    if len(name.encode()) > _LONGEST_NAME:
        raise ValueError(f"must not have more than {_LONGEST_NAME} bytes")
    return name


def _amqp_prefix(prefix: str) -> str:
    _amqp_name(f"{prefix}.")
    return prefix


AmqpName = Annotated[str, AfterValidator(_amqp_name)]
AmqpPrefix = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$"), AfterValidator(_amqp_prefix)
]

_REDIS_SCHEMES = tuple(
    f"{scheme}{kind}" for kind in ("", "+sentinel", "+cluster") for scheme in ("redis", "rediss")
)
_URL = re.compile(r"([a-z+]+)://([^/?#]*)([^?#]*)(.*)", re.DOTALL)
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]+)(?::([0-9]{1,5}))?")


class RedisParts(NamedTuple):
    """What a Redis URL consists of; ``netloc`` may name several hosts, which no RFC knows."""

    scheme: str
    netloc: str
    path: str
    query: str


def split_redis_url(url: str) -> RedisParts:
    """Split a Redis URL; parts that are missing are empty.

    Not by urllib: it takes brackets beside further hosts for an IPv6 address gone wrong, depending on
    Python's version.
    """
    match = _URL.fullmatch(url.strip())
    return RedisParts(*match.groups(default="")) if match else RedisParts("", "", "", "")


def redis_places(url: str) -> list[tuple[str, int | None]]:
    """Return the hosts and ports in ``redis+cluster://user:password@host:port,host:port``.

    Raises ValueError for what is no host and port.
    """
    found = []
    for place in split_redis_url(url).netloc.rpartition("@")[2].split(","):
        match = _PLACE.fullmatch(place.strip())
        port = int(match[2]) if match and match[2] else None
        if match is None or not _encodable(match[1]) or (port is not None and not 1 <= port <= _HIGHEST_PORT):
            raise ValueError(
                "must name hosts as host or host:port; other characters of a password are written as %XX"
            )
        found.append((match[1].strip("[]"), port))
    return found


def _encodable(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


# What may follow the hosts, by what stands behind the + of the scheme.
_REDIS_PATHS = {
    "": (r"(/[0-9]*)?", "must name the database by its number: redis://host:6379/0"),
    "sentinel": (
        r"/[^/]+(/[0-9]*)?",
        "must name the service and may name the database: redis+sentinel://host:26379/service/0",
    ),
    "cluster": (r"(/0?)?", "must name no database: a Cluster has but number 0"),
}


def _redis_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    parts = split_redis_url(text)
    if parts.scheme not in _REDIS_SCHEMES or not parts.netloc:
        raise ValueError(
            f"must be a URL that starts with {' or '.join(f'{one}://' for one in _REDIS_SCHEMES)}"
        )
    kind = parts.scheme.partition("+")[2]
    if len(redis_places(text)) > 1 and not kind:
        raise ValueError("names several hosts: that is for redis+sentinel:// and redis+cluster://")
    pattern, problem = _REDIS_PATHS[kind]
    if not re.fullmatch(pattern, parts.path):
        raise ValueError(problem)
    if kind and parts.query:
        raise ValueError("must end without a query: that is for redis:// and rediss://")
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


def _http_url(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError(
            "must hold no log-in: that is for lcm.username and lcm.password, which are kept secret"
        )
    _check_place(url)
    return url


HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$"), AfterValidator(_http_url)]


def _collector_url(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", url):
        raise ValueError("must be a URL that starts with http:// or https://, without a query")
    if "@" in urlsplit(url).netloc:
        raise ValueError(
            "must hold no log-in: that is for the variable OTEL_EXPORTER_OTLP_HEADERS, which is not shown"
        )
    if url:
        _check_place(url)
    return url


CollectorUrl = Annotated[str, AfterValidator(_collector_url)]


def _method(name: str) -> str:
    if not re.fullmatch(r"(?!\.+$)[A-Za-z0-9_.-]+", name):
        raise ValueError("must be a method's name, of letters, digits and _ . -")
    return name


Method = Annotated[str, AfterValidator(_method)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # what zoneinfo raises for an unknown or malformed name
        raise ValueError("must be an IANA time zone such as Europe/Berlin") from error
    return name


Zone = Annotated[str, AfterValidator(_zone)]
