"""How the bridge is let in by RabbitMQ: the nodes with user, password and TLS, and what a refusal means."""

import ssl
from asyncio import IncompleteReadError
from base64 import b64decode
from typing import Final, NamedTuple

from aio_pika.exceptions import AMQPConnectionError, AuthenticationError, ProbableAuthenticationError
from aiormq.exceptions import ConnectionClosed
from pamqp.exceptions import AMQPNotAllowed
from yarl import URL

from bridge.settings import Amqp
from bridge.tls import Trouble, load_certificate, new_context, trouble


class Node(NamedTuple):
    """A node of RabbitMQ; ``tls`` is None where it is spoken to without."""

    url: URL
    tls: ssl.SSLContext | None

    @property
    def name(self) -> str:
        """Its host and port."""
        return node_name(self.url)


def node_name(url: URL) -> str:
    """Return the host and port of a node, as people write them."""
    return f"{url.host}:{url.port}" if url.port else f"{url.host}"


def user_name(url: URL) -> str:
    """Return the user as whom the client library logs in."""
    return url.user or "guest"


def virtual_host(url: URL) -> str:
    """Return the virtual host, as the client library reads it."""
    return url.path.removeprefix("/") or "/"


def user_names(settings: Amqp) -> frozenset[str]:
    """Return the users of all nodes."""
    return frozenset(user_name(url) for url in settings.urls)


def nodes(settings: Amqp, begun: Amqp | None = None) -> list[Node]:
    """Return all nodes. Raises OSError (also ssl.SSLError) or ValueError for files that cannot be loaded.

    Raises ValueError where their users or virtual hosts are not those of ``begun``, if that is given.
    """
    if begun is not None:
        if user_names(settings) != user_names(begun):
            raise ValueError(
                "amqp.username (or the user in amqp.url) is another one: it signs what the bridge parks, "
                "so a worker must be started anew with it"
            )
        if set(map(virtual_host, settings.urls)) != set(map(virtual_host, begun.urls)):
            raise ValueError(
                "amqp.url names another virtual host: requests would be taken from one and answered in the "
                "other, so a worker must be started anew with it"
            )
    return [Node(url, tls_context(url)) for url in settings.urls]


def tls_context(url: URL) -> ssl.SSLContext | None:
    """Return the context that the query of a URL asks for, as the client library reads it.

    Raises OSError (also ssl.SSLError) or ValueError for files that cannot be loaded.
    """
    if url.scheme != "amqps":
        return None
    query = url.query
    cadata = b64decode(query["cadata"]) if query.get("cadata") else None
    made = new_context(cafile=query.get("cafile"), capath=query.get("capath"), cadata=cadata)
    if cert_file := query.get("certfile"):
        load_certificate(made, cert_file, query.get("keyfile"))
    if query.get("no_verify_ssl") == "1":
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def why_refused(error: BaseException, url: URL) -> Trouble | None:
    """Say why a node did not let the bridge in; None if it is something else that went wrong.

    ``error`` is that of an opening.
    """
    if isinstance(error, ProbableAuthenticationError):
        return Trouble(
            f"the log-in as {user_name(url)} is refused",
            "set amqp.username and amqp.password, or those in amqp.url, to what RabbitMQ knows",
        )
    if isinstance(error, AuthenticationError):
        return Trouble(
            f"it does not offer the log-in by {url.query.get('auth', 'plain')}",
            "set amqp.auth, or enable the plugin rabbitmq_auth_mechanism_ssl for external",
        )
    return trouble(error, "amqp", "amqp.url")


def cut_off(error: BaseException, url: URL) -> Trouble | None:
    """Say what it may mean that a node ends a connection while it is opened; None if that is not so.

    In TLS 1.3 the client is through before the server has seen its certificate, and what the server says of
    it may get lost. But the node may also be about to stop.
    """
    if isinstance(error, ConnectionClosed):
        code, reason = error.args
        user, advice = user_name(url), "see the log of RabbitMQ"
        if code == AMQPNotAllowed.value:
            advice = (
                f"is {virtual_host(url)} the right virtual host in amqp.url? If so, have whoever runs"
                f" RabbitMQ make it (rabbitmqctl add_vhost), or let {user} in (rabbitmqctl set_permissions)"
            )
        return Trouble(f"it knows {user}, and closed the connection: {reason}", advice)
    if not (isinstance(error, AMQPConnectionError) and isinstance(error.__cause__, _CUT)):
        return None
    secure = "it may refuse the client certificate, or ask for one: see amqp.cert_file and amqp.key_file"
    plain = "it may speak TLS on this port: see the scheme and the port in amqp.url"
    return Trouble("it cut the connection off at once", secure if url.scheme == "amqps" else plain)


_CUT: Final = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, IncompleteReadError)
