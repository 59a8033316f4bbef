"""The page as those read it who scrape it."""

import asyncio
import shutil

import aiohttp
import pytest
from metrics.pages import samples
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.site import Site
from support.worker import BOUND

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
PROMTOOL = shutil.which("promtool")


async def promtool(page: str) -> tuple[int | None, str]:
    """Return the exit code of ``promtool check metrics`` and everything that it says."""
    assert PROMTOOL is not None
    process = await asyncio.create_subprocess_exec(
        *(PROMTOOL, "check", "metrics"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(BOUND):
        said, _ = await process.communicate(page.encode())
    return process.returncode, said.decode()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: it comes with Debian's package prometheus")
async def test_promtool_has_nothing_to_say(first_page: str, last_page: str) -> None:
    """Names, units, types and help texts are as Prometheus wants them, at the start and after traffic."""
    for page in (first_page, last_page):
        assert (0, "") == await promtool(page)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: it comes with Debian's package prometheus")
async def test_promtool_would_say_something() -> None:
    """A counter without its suffix is told of, so that silence means something."""
    code, said = await promtool("# TYPE lcm_bridge_requests counter\nlcm_bridge_requests 1\n")
    assert code
    assert "_total" in said


async def test_open_metrics_hold_the_same(site: Site, last_page: str) -> None:
    """Whoever asks for OpenMetrics gets it, and it holds the same series."""
    url = f"{site.worker.admin_url}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url, headers=OPENMETRICS) as response:
        assert "application/openmetrics-text" == response.content_type
        page = await response.text()
    found = {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(page)  # type: ignore[no-untyped-call]  # the library's
        for sample in family.samples
    }

    assert samples(last_page).keys() == found
