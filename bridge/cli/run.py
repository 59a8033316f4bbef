"""``lcm-bridge run``: the worker."""

import argparse
import asyncio
import sys

import structlog

from bridge import logs
from bridge.configuration import Loaded, changed, load
from bridge.exitcodes import FAILED

HELP = "run the worker (also: python -m bridge)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own: the settings say everything."""
    del parser


def main(args: argparse.Namespace) -> int:
    """Serve until a signal. Raises `bridge.configuration.BadSettings`."""
    del args
    loaded = load()
    logs.configure(loaded.settings.log)
    runner = asyncio.Runner(loop_factory=_loop_factory())
    with runner:
        return runner.run(_serve(loaded))


async def _serve(loaded: Loaded) -> int:
    # Imported here so that the other commands start without the whole worker.
    from bridge.app import Worker  # noqa: PLC0415

    log = structlog.get_logger(__name__)
    logs.hear_all()
    settings = changed(loaded)
    try:
        return await Worker(loaded.settings, loaded.catalogue, settings).run()
    except OSError as error:
        log.critical(
            "worker.cannot_start",
            error=f"{type(error).__name__}: {error}",
            settings=settings,
            next="check admin.host, admin.port and certificate files",
        )
        return FAILED
    finally:
        logs.end()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not to be had on Windows

    return uvloop.Loop
