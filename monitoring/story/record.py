"""Tells the story to a site of its own, and keeps what the dashboard showed of it."""

import asyncio
import logging
import sys
from pathlib import Path

from bench.processes import ProgramFailed
from bridge.demo.servers import ServerFailed, ServerMissing
from monitoring.server import PrometheusFailed, PrometheusMissing
from monitoring.story import chapters, questions
from monitoring.story.site import open_site


async def record(path: Path) -> None:
    """Write what every panel showed into `path` (`monitoring.document.Shown`)."""
    # The clients tell of every connection that the story takes from them.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.getLogger("aio_pika").setLevel(logging.CRITICAL)
    async with open_site() as site:
        began, ended = await chapters.tell(site)
        shown = await questions.ask(site.prometheus, began, ended)
    shown.write(path)


def run(path: Path) -> int:
    """Run it as a command; the exit code is 1 when something fails or a panel has no data."""
    try:
        asyncio.run(record(path))
    except (
        ProgramFailed,
        PrometheusFailed,
        PrometheusMissing,
        ServerFailed,
        ServerMissing,
        questions.PanelsWithoutData,
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"written: {path}\n")
    return 0
