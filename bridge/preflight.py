"""What can be tried of the settings without connecting: files that must load, a query that must fit.

Each fault is told as (dotted name of the setting, what is wrong with it).
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from bridge.settings import Lcm, Redis, Tracing


def file_faults(lcm: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Find the certificate files that cannot be loaded; ``lcm`` need not be right otherwise."""
    ca_file, cert_file, key_file = (
        value if isinstance(value := lcm.get(name), str) else ""
        for name in ("ca_file", "cert_file", "key_file")
    )
    if ca_file:
        yield from _load("lcm.ca_file", Lcm(ca_file=ca_file), ca_file)
    if cert_file:
        readable = True
        for name, file in (("lcm.cert_file", cert_file), ("lcm.key_file", key_file)):
            if file and (problem := _unreadable(file)):
                readable = False
                yield name, f"{file}: {problem}"
        if readable:
            both = Lcm(cert_file=cert_file, key_file=key_file)
            yield from _load("lcm.cert_file", both, f"{cert_file} with the key in {key_file or cert_file}")


def _load(name: str, lcm: Lcm, files: str) -> Iterator[tuple[str, str]]:
    from bridge.lcm.client import tls_context  # noqa: PLC0415 - most start without such files

    try:
        tls_context(lcm)
    except (OSError, ValueError) as error:  # OSError: also ssl.SSLError
        yield name, f"{files} cannot be loaded: {getattr(error, 'reason', None) or error}"


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
