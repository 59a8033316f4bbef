"""Private, throw-away RabbitMQ and Redis servers on 127.0.0.1, for the demonstration and for tests.

    async with PrivateRabbit() as rabbit, PrivateRedis() as redis:
        ... rabbit.url, redis.url ...

Nothing of the machine's own servers is used or touched: no port, folder, cookie, setting or service. When
the process that started them ends, in whatever way, SIGKILL included, they end as well and their folders go.
"""

from bridge.demo.private import ServerFailed, ServerMissing
from bridge.demo.private_rabbit import PrivateRabbit
from bridge.demo.private_redis import PrivateRedis

__all__ = ["PrivateRabbit", "PrivateRedis", "ServerFailed", "ServerMissing"]
