"""URLs as they may be shown: their passwords hidden."""

import re
from typing import Final, NamedTuple

HIDDEN: Final = "***"
"""What stands in the place of a secret."""


class _Parts(NamedTuple):
    """A URL cut at its log-in. ``login`` is what stands before the last @, whatever a password holds.

    Rather too much is taken for a password than too little.
    """

    scheme: str
    login: str
    at: str
    place: str

    @property
    def user(self) -> str:
        return self.login.partition(":")[0]

    @property
    def has_password(self) -> bool:
        return ":" in self.login


def _parts(url: str) -> _Parts:
    scheme, mark, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return _Parts(f"{scheme}{mark}", login, at, place)


def without_password(url: str) -> str:
    """Return a URL of which the host and the path tell a person something, such as one in a log line."""
    scheme, _, _, place = parts = _parts(url)
    return f"{scheme}{parts.user}:{HIDDEN}@{place}" if parts.has_password else url


def without_secrets(url: str) -> str:
    """Return the URL of a setting: its query may carry a certificate's password, so that is hidden too."""
    scheme, login, at, place = parts = _parts(url)
    if any(sign in parts.user for sign in "/?#"):
        return f"{scheme}:{HIDDEN}@{HIDDEN}"
    if any(sign in login for sign in "?#"):  # the query may have begun there, and holds the @
        place = HIDDEN
    place = re.sub(r"[?#].*", f"?{HIDDEN}", place, flags=re.DOTALL)
    return f"{scheme}{parts.user}{f':{HIDDEN}' if parts.has_password else ''}{at}{place}"
