"""A whole site: a worker process and a widget service, with the LCM simulator behind them."""

import secrets
import string
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from support.permitted import bridge_beside
from support.requester import Requester, requester
from support.worker import Worker, running

from bridge.simulator import Options, Simulator


@dataclass
class Site:
    """Everything that a test talks to; ``url`` is the broker's, for a user who may do everything."""

    simulator: Simulator
    worker: Worker
    widget: Requester
    settings: dict[str, str]
    prefix: str
    url: str


MakeSite = Callable[..., Awaitable[Site]]


def name_of_letters() -> str:
    """Return a name that nobody else has; digits in it would be masked in logs like a phone number."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))


async def open_site(
    stack: AsyncExitStack,
    rabbit_url: str,
    redis_url: str,
    folder: Path,
    options: Options | None,
    settings: dict[str, str],
    *,
    ready: bool,
) -> Site:
    """Start everything under a prefix of its own; ``stack`` stops it."""
    prefix = settings.get("BRIDGE_AMQP__PREFIX") or name_of_letters()
    simulator = await stack.enter_async_context(Simulator(options).running())
    environment = {
        "BRIDGE_AMQP__URL": bridge_beside(rabbit_url),
        "BRIDGE_AMQP__PREFIX": prefix,
        "BRIDGE_REDIS__URL": redis_url,
        "BRIDGE_LCM__BASE_URL": simulator.base_url,
        **settings,
    }
    log = folder / f"{prefix}-{name_of_letters()}.log"
    worker = await stack.enter_async_context(running(environment, log, ready=ready))
    widget = await stack.enter_async_context(requester(rabbit_url, prefix))
    return Site(simulator, worker, widget, environment, prefix, rabbit_url)
