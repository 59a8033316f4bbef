"""How the bridge is let in by Redis: user, password and TLS of each new connection, and what a refusal means.

redis-py reads files once per connection object, and keeps these objects; so each takes what is current.
"""

import ssl
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from redis.asyncio.connection import ConnectKwargs, RedisSSLContext, SSLConnection, parse_url
from redis.asyncio.sentinel import SentinelManagedConnection
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from bridge import tls
from bridge.credentials import Current
from bridge.settings import Redis as RedisSettings
from bridge.settingtypes import split_redis_url

Words = tuple[str, ...]
"""What stands behind AUTH: a password, or a user and a password; nothing without a log-in."""


class Login(NamedTuple):
    """What opens a connection. ``tls`` is None where none is spoken."""

    auth: Words
    sentinel_auth: Words
    tls: ssl.SSLContext | None


def login(settings: RedisSettings, begun: RedisSettings | None = None) -> Login:
    """Return what the settings say. Raises OSError (also ssl.SSLError) for files that cannot be loaded.

    Raises what redis-py does for a query that it cannot use, and ValueError where the URL leads to another
    place than that of ``begun``, if that is given: the clients keep theirs.
    """
    url = settings.url.get_secret_value()
    if begun is not None and _place(settings) != _place(begun):
        raise ValueError("redis.url leads to another place: a worker must be started anew with it")
    user, _, password = split_redis_url(url).netloc.rpartition("@")[0].partition(":")
    options = query(settings)
    user = settings.username or unquote(user) or options.get("username", "")
    password = settings.password.get_secret_value() or unquote(password) or options.get("password", "")
    sentinel = settings.sentinel_username, settings.sentinel_password.get_secret_value()
    return Login(_words(user, password), _words(*sentinel), _context(settings, options))


def _place(settings: RedisSettings) -> tuple[object, ...]:
    parts = split_redis_url(settings.url.get_secret_value())
    return parts.scheme, parts.netloc.rpartition("@")[2], parts.path, options_of_clients(settings)


def options_of_clients(settings: RedisSettings) -> dict[str, object]:
    """Return what redis-py reads from the query of the URL, but for what lets a connection in."""
    return {
        name: value
        for name, value in query(settings).items()
        if name not in {"username", "password"} and not name.startswith("ssl_")
    }


def query(settings: RedisSettings) -> ConnectKwargs:
    """Return what redis-py reads from the URL of a single node; the others' have no query."""
    url = settings.url.get_secret_value().strip()
    return {} if "+" in split_redis_url(url).scheme else parse_url(url)


def _words(user: str, password: str) -> Words:
    if user:
        return user, password
    return (password,) if password else ()


def _context(settings: RedisSettings, options: ConnectKwargs) -> ssl.SSLContext | None:
    if not split_redis_url(settings.url.get_secret_value()).scheme.startswith("rediss"):
        return None
    asked: dict[str, Any] = {name: value for name, value in options.items() if name.startswith("ssl_")}
    if not asked:
        return tls.context(settings)
    # Without a password, an encrypted key would ask for one at the terminal.
    return tls.without_old_versions(SSLConnection(**{"ssl_password": "", **asked}).ssl_context.get())


class Authentication(CredentialProvider):
    """Gives redis-py what is current."""

    def __init__(self, current: Current[Login], *, of_sentinel: bool = False) -> None:
        self._current = current
        self._of_sentinel = of_sentinel

    def get_credentials(self) -> Any:  # noqa: ANN401 - redis-py knows one or two words, but takes none
        """Return the words of AUTH."""
        now = self._current.now
        return now.sentinel_auth if self._of_sentinel else now.auth

    async def get_credentials_async(self) -> Any:  # noqa: ANN401 - as above
        """Return the words of AUTH."""
        return self.get_credentials()


class _CurrentContext(RedisSSLContext):
    def __init__(self, current: Current[Login]) -> None:
        super().__init__()
        self._current = current

    def get(self) -> ssl.SSLContext:
        found = self._current.now.tls
        if found is None:
            raise AssertionError("the scheme does not change while the process runs")
        return found


class SecureConnection(SSLConnection):
    """A connection that takes the current context each time it is opened."""

    def __init__(self, *, current: Current[Login], **options: Any) -> None:  # noqa: ANN401 - redis-py's own
        super().__init__(**options)
        self.ssl_context = _CurrentContext(current)


class SecureManagedConnection(SentinelManagedConnection, SecureConnection):
    """The same to a master that Sentinel knows."""


_ASKS: Final = ("HELLO must be called", "Authentication required")
"""What Redis says to who has not logged in; redis-py leaves the error's code away."""


def why_refused(error: BaseException, *, sentinel: bool = False) -> tls.Trouble | None:
    """Say why Redis, or with ``sentinel`` perhaps a Sentinel, did not let the bridge in, or return None."""
    said = str(error)
    if isinstance(error, AuthenticationError):
        missing = any(words in said for words in _ASKS)
        return tls.Trouble(
            "it asks for a password" if missing else "the log-in is refused",
            "set redis.username and redis.password, or those in redis.url, to what Redis knows"
            + (", or redis.sentinel_password to what its Sentinels know" if sentinel else ""),
        )
    return tls.trouble(error, "redis", "redis.url")
