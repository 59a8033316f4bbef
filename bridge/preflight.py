"""What can be tried of the settings without connecting: files that must load, a query that must fit.

Each fault is told as (dotted name of the setting, what is wrong with it).
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs

from bridge.settings import Amqp, Redis, Settings, Tracing
from bridge.settings.group import TlsFiles
from bridge.settingtypes import split_redis_url


def file_faults(group: str, raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Find the certificate files of a server's group that cannot be loaded; ``raw`` need not be right."""
    from bridge.tls import Pem  # noqa: PLC0415 - most start without such files

    ca_file, cert_file, key_file = (
        value if isinstance(value := raw.get(name), str) else ""
        for name in ("ca_file", "cert_file", "key_file")
    )
    if ca_file:
        yield from _load(f"{group}.ca_file", Pem(ca_file=ca_file), ca_file)
    if cert_file:
        readable = True
        for name, file in ((f"{group}.cert_file", cert_file), (f"{group}.key_file", key_file)):
            if file and (problem := _unreadable(file)):
                readable = False
                yield name, f"{file}: {problem}"
        if readable:
            both = Pem(cert_file=cert_file, key_file=key_file)
            yield from _load(
                f"{group}.cert_file", both, f"{cert_file} with the key in {key_file or cert_file}"
            )


def _load(name: str, files: TlsFiles, told: str) -> Iterator[tuple[str, str]]:
    from bridge import tls  # noqa: PLC0415 - most start without such files

    try:
        tls.context(files)
    except (OSError, ValueError) as error:  # OSError: also ssl.SSLError
        yield name, f"{told} cannot be loaded: {getattr(error, 'reason', None) or error}"


def _unreadable(file: str) -> str:
    try:
        with Path(file).open("rb"):
            return ""
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def redis_faults(redis: Redis) -> Iterator[tuple[str, str]]:
    """Find a query that redis-py cannot use. Without one, the URL holds nothing that is passed on unseen."""
    if "?" not in redis.url.get_secret_value():
        return
    from bridge.store.connection import try_url  # noqa: PLC0415 - most start without a query

    try:
        try_url(redis)
    except ValueError as error:
        yield "redis.url", str(error)


def amqp_faults(amqp: Amqp) -> Iterator[tuple[str, str]]:
    """Find files in the query of a URL that the client library could not load."""
    if amqp.ca_file or amqp.cert_file or "?" not in amqp.url.get_secret_value():
        return  # tried already, or nothing to try
    from bridge.bus.login import nodes  # noqa: PLC0415 - most start without a query

    try:
        nodes(amqp)
    except (OSError, ValueError) as error:
        problem = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        yield "amqp.url", f"a file in the query after ? cannot be loaded: {problem}"


def files_behind(settings: Settings) -> Iterator[Path]:
    """Return the certificate files that the settings name, also those in the queries of URLs."""
    servers = (settings.amqp, settings.redis, settings.lcm)
    named = [name for one in servers for name in (one.ca_file, one.cert_file, one.key_file)]
    for url in settings.amqp.urls:
        named += [url.query.get(name, "") for name in ("cafile", "certfile", "keyfile")]
    in_redis_url = parse_qs(split_redis_url(settings.redis.url.get_secret_value()).query.removeprefix("?"))
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        named += in_redis_url.get(name, [])
    yield from {Path(name): None for name in named if name}


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
