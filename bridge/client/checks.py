"""What RabbitMQ, or the protocol, would refuse whatever else happens: told where it is said."""

from yarl import URL

SHORT = 255
"""Bytes of a short string of AMQP 0-9-1 (4.2.5.3): names, and the routing key."""
LONGEST_HEADER = 8192
"""Bytes; headers that do not fit in one frame (AMQP 0-9-1, 2.3.5.2) end the connection for every call."""


def text(what: str, value: object, most: int = SHORT) -> str:
    """Return `value`. Raises TypeError for what is no text, ValueError above `most` bytes of UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be text, not {type(value).__name__}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} is no Unicode text: {error.reason}") from None
    if size > most:
        raise ValueError(f"{what} has {size} bytes, and may have {most}")
    return value


def nodes(url: str) -> list[URL]:
    """Read RabbitMQ's URLs, separated by commas. Raises ValueError, which quotes none of them."""
    found = []
    for number, one in enumerate(url.split(","), 1):
        # What is wrong may be a part of the password: neither the text nor a context may have it.
        try:
            node = URL(text("it", one, most=LONGEST_HEADER))
            fits = node.scheme in {"amqp", "amqps"} and bool(node.host) and node.port != 0
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"node {number} of the url is no amqp://host or amqps://host"
                "; a comma in a password is written %2C"
            )
        found.append(node)
    return found
