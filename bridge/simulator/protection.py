"""What a site may have put in front of LCM: basic authentication, a bearer token, a required header."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a call must carry. Nothing is asked by default.

    With both basic authentication and a bearer token set, either will do. `header` is a name and a value.
    """

    basic_user: str | None = None
    basic_password: str = ""
    bearer_token: str | None = None
    header: tuple[str, str] | None = None

    def refusal(self, headers: Mapping[str, str]) -> HTTPStatus | None:
        """Give the status to refuse with: 401 for credentials, 403 for the header, None when all is well."""
        accepted = []
        if self.basic_user is not None:
            pair = f"{self.basic_user}:{self.basic_password}".encode()
            accepted.append("Basic " + base64.b64encode(pair).decode())
        if self.bearer_token is not None:
            accepted.append(f"Bearer {self.bearer_token}")
        if accepted and not any(_same(headers.get("Authorization", ""), value) for value in accepted):
            return HTTPStatus.UNAUTHORIZED
        if self.header is not None and not _same(headers.get(self.header[0], ""), self.header[1]):
            return HTTPStatus.FORBIDDEN
        return None

    @property
    def challenge(self) -> str:
        """Give the WWW-Authenticate header that goes with a 401."""
        return 'Basic realm="lcm"' if self.basic_user is not None else "Bearer"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())
