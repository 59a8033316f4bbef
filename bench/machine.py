"""What the measurements were made on: without it, no number can be compared with another's."""

import asyncio
import os
import platform
import shutil
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import aiormq

from bench.stage import Stage
from bench.variants import bridge_python

PACKAGES = (
    "aio-pika",
    "aiormq",
    "aiohttp",
    "redis",
    "hiredis",
    "orjson",
    "uvloop",
    "pydantic",
    "faststream",
    "httpx",
    "httptools",
)


async def describe(stage: Stage) -> dict[str, Any]:
    """Return CPU, cores, kernel, and the versions of everything that took part."""
    info = await stage.redis.info("server")
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "measured_cores": sorted(stage.cores.measured),
        "other_cores": sorted(stage.cores.rest),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "bridge_python": (await _said(bridge_python(), "--version")).removeprefix("Python "),
        "node": await _said("node", "--version") if shutil.which("node") else None,
        "rabbitmq": await _rabbitmq_version(stage.amqp_url),
        "redis": info["redis_version"],
        "packages": _packages(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()  # not every architecture names its model


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    return output.decode().strip()


async def _rabbitmq_version(url: str) -> str:
    connection = await aiormq.connect(url)
    try:
        return str(connection.server_properties.get("version", "unknown"))
    finally:
        await connection.close()


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # a variant that needs it is left out
            found[name] = version(name)
    return found
