"""Free TCP ports on the loopback address."""

import random
import socket

# The kernel hands out the ports of outgoing connections from 32768 upwards: a server that has to come
# back on its own port must not have it there, or a passing client may sit on it.
LOWEST, HIGHEST = 20_000, 32_000


def free_port() -> int:
    """Return a port in 20000..32000 on which nothing listens on 127.0.0.1 at this moment.

    It is not held: another program may take it before it is used, so whoever starts a server on it
    tries again with another one when the server says that the address is in use.

    Raises OSError when 200 random ports were all taken.
    """
    for _ in range(200):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311  (nothing secret about a port)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port found on 127.0.0.1 between {LOWEST} and {HIGHEST}")
