"""What runs on this machine: whether a server has left a process behind."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


async def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Return whether `holds` comes true within `seconds`."""
    give_up = asyncio.get_running_loop().time() + seconds
    while not holds():
        if asyncio.get_running_loop().time() > give_up:
            return False
        await asyncio.sleep(0.02)
    return True


def runs(pid: int) -> bool:
    """Return whether a process `pid` exists and is not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def given(folder: str) -> set[int]:
    """Return the processes in whose environment `folder` is named."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder.encode() in (process / "environ").read_bytes():
                found.add(int(process.name))
    return found
