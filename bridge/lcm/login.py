"""How the bridge is let in by LCM: the headers of each call, and TLS."""

import base64
import ssl
from typing import NamedTuple

from bridge import tls
from bridge.settings import Lcm as LcmSettings


class Login(NamedTuple):
    """How the bridge is let in by LCM: headers of each call, and TLS as aiohttp takes it."""

    headers: dict[str, str]
    tls: ssl.SSLContext | bool


def login(settings: LcmSettings) -> Login:
    """Return what the settings say. Raises OSError (also ssl.SSLError) for files that cannot be loaded."""
    return Login(login_headers(settings), tls_context(settings))


def login_headers(settings: LcmSettings) -> dict[str, str]:
    """Return the headers by which the bridge is known to whatever guards LCM."""
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    if settings.username:
        pair = f"{settings.username}:{settings.password.get_secret_value()}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif token := settings.bearer_token.get_secret_value():
        headers["Authorization"] = f"Bearer {token}"
    return headers


def tls_context(settings: LcmSettings) -> ssl.SSLContext | bool:
    """Return the TLS context: the system's trust, or ``lcm.ca_file``; with a client certificate if set.

    True where there is no TLS. Raises OSError (ssl.SSLError) for files that cannot be read.
    """
    if not (settings.base_url.startswith("https:") or settings.ca_file or settings.cert_file):
        return True
    return tls.context(settings)
