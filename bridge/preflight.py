"""What can be tried of the settings without connecting: files that must load, a query that must fit.

Each fault is told as (dotted name of the setting, what is wrong with it).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from bridge.settings import Amqp, Redis, Settings, Tracing
from bridge.settings.group import TlsFiles
from bridge.settingtypes import split_redis_url

if TYPE_CHECKING:  # it takes time to load
    from ssl import SSLContext

PEM: Final = ("ca_file", "cert_file", "key_file")

LARGEST: Final = 1024 * 1024
"""Bytes of a file with certificates or a secret; all CAs that a system trusts are a quarter of that."""


def file_faults(group: str, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Find the certificate files of a server's group that cannot be loaded; ``raw`` need not be right."""
    from bridge.tls import load_certificate  # noqa: PLC0415 - most start without such files

    named = {name: file for name in PEM if isinstance(file := raw.get(name), str) and file}
    unreadable = {name: problem for name, file in named.items() if (problem := _unreadable(file))}
    cert_file = named.get("cert_file", "")
    if not cert_file:
        unreadable.pop("key_file", None)  # which is another fault
    for name, problem in unreadable.items():
        yield f"{group}.{name}", f"{named[name]}: {problem}"
    if (ca_file := named.get("ca_file")) and "ca_file" not in unreadable:
        yield from _load(f"{group}.ca_file", ca_file, lambda made: made.load_verify_locations(ca_file))
    if cert_file and not unreadable.keys() & {"cert_file", "key_file"}:
        key_file = named.get("key_file")
        told = f"{cert_file} with the key in {key_file or cert_file}"
        yield from _load(f"{group}.cert_file", told, lambda made: load_certificate(made, cert_file, key_file))


def _load(name: str, told: str, load: "Callable[[SSLContext], None]") -> Iterator[tuple[str, str]]:
    from ssl import PROTOCOL_TLS_CLIENT, SSLContext  # noqa: PLC0415 - most start without such files

    try:
        load(SSLContext(PROTOCOL_TLS_CLIENT))
    except (OSError, ValueError) as error:  # OSError: also ssl.SSLError
        yield name, f"{told} cannot be loaded: {getattr(error, 'reason', None) or error}"


def unfit(file: Path) -> str:
    """Say why a file is not even opened, or nothing: a pipe would hang. Raises OSError, ValueError."""
    found = file.stat()
    if not S_ISREG(found.st_mode):
        return "is no file"
    if found.st_size > LARGEST:
        return f"has more than {LARGEST} bytes"
    return ""


def _unreadable(file: str) -> str:
    try:
        if problem := unfit(Path(file)):
            return problem
        with Path(file).open("rb"):
            return ""
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def redis_faults(redis: Redis) -> Iterator[tuple[str, str]]:
    """Find a query that redis-py cannot use. Without one, the URL holds nothing that is passed on unseen."""
    if "?" not in redis.url.get_secret_value():
        return
    from bridge.store.connection import try_url  # noqa: PLC0415 - most start without a query

    if problem := _unfit_in_query(_of_redis(redis)):
        yield "redis.url", problem
        return
    try:
        try_url(redis)
    except ValueError as error:
        yield "redis.url", str(error)


def amqp_faults(amqp: Amqp) -> Iterator[tuple[str, str]]:
    """Find files in the query of a URL that the client library could not load."""
    if amqp.ca_file or amqp.cert_file or "?" not in amqp.url.get_secret_value():
        return  # tried already, or nothing to try
    from bridge.bus.login import nodes  # noqa: PLC0415 - most start without a query

    if problem := _unfit_in_query(_of_amqp(amqp)):
        yield "amqp.url", problem
        return
    try:
        nodes(amqp)
    except (OSError, ValueError) as error:
        problem = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        yield "amqp.url", f"a file in the query after ? cannot be loaded: {problem}"


def _unfit_in_query(named: Iterable[tuple[str, Path]]) -> str:
    for _, file in named:
        with suppress(OSError, ValueError):  # one that is missing is told where it is loaded
            if problem := unfit(file):
                return f"a file in the query after ? {problem}"
    return ""


def files_behind(settings: Settings) -> Iterator[tuple[str, str, Path]]:
    """Return the certificate files that the settings name, also in the queries of URLs.

    Each as (group of settings, ``ca_file``, ``cert_file`` or ``key_file``, file).
    """
    groups = {"amqp": _of_amqp(settings.amqp), "redis": _of_redis(settings.redis), "lcm": _of(settings.lcm)}
    for group, found in groups.items():
        yield from {(group, *one): None for one in found}


def _of(files: TlsFiles) -> Iterator[tuple[str, Path]]:
    yield from ((name, Path(file)) for name in PEM if (file := getattr(files, name)))


def _of_amqp(amqp: Amqp) -> Iterator[tuple[str, Path]]:
    for url in amqp.urls:  # with what the settings name
        in_query = zip(PEM, ("cafile", "certfile", "keyfile"), strict=True)
        yield from ((name, Path(file)) for name, word in in_query if (file := url.query.get(word)))


def _of_redis(redis: Redis) -> Iterator[tuple[str, Path]]:
    yield from _of(redis)
    query = parse_qs(split_redis_url(redis.url.get_secret_value()).query.removeprefix("?"))
    for name, word in zip(PEM, ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"), strict=True):
        yield from ((name, Path(file)) for file in query.get(word, []))


def tracing_faults(tracing: Tracing) -> Iterator[tuple[str, str]]:
    """Find that spans are wanted, and what makes them is not installed, or cannot be as the variables say."""
    if not tracing.endpoint:
        return
    try:
        missing = not all(map(find_spec, _OTEL))
    except ModuleNotFoundError:  # of a package around one of them
        missing = True
    if missing:
        yield "tracing.endpoint", "needs the extra otel: pip install lcm-bridge[otel]"
        return
    from bridge.tracing.environment import environment_faults  # noqa: PLC0415 - an extra

    yield from environment_faults(tracing.endpoint)


_OTEL = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
