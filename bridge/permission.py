"""Who may use an operation: the broker users of ``access``, and of those only the ``sources``."""

from collections.abc import Iterable, Mapping

from bridge.failures import NotPermitted


class Permission:
    """What a site lets through: an operation that is not listed, in whatever case, is open to all."""

    def __init__(
        self, access: Mapping[str, Iterable[str]], sources: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self._users = {name.casefold(): frozenset(users) for name, users in access.items()}
        self._sources = {name.casefold(): frozenset(allowed) for name, allowed in (sources or {}).items()}

    def check(self, operation: str, *, user: str | None, source: str | None) -> None:
        """Let a request through. Raises `NotPermitted`.

        ``user`` is the property user_id, which the broker holds against the connection's user. ``source`` is
        whatever the publisher wrote into the envelope: so it takes from those who may, and gives nobody.
        """
        name = operation.casefold()
        users, sources = self._users.get(name), self._sources.get(name)
        if users is not None and user not in users:
            raise NotPermitted(
                f"this user may not use {operation}"
                if user
                else f"{operation} is restricted: publish with the broker-validated property user_id"
            )
        if sources is not None and source not in sources:
            raise NotPermitted(f"{operation} is not taken from this source")
