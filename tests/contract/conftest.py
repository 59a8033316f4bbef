"""A site whose worker serves the contract, for the checks that look at it from outside."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.permitted import url_for_sites
from support.site import Site, open_site

from bridge.asyncapi import document
from bridge.declarations import read_directory, rules
from bridge.demo.servers import PrivateRabbit, PrivateRedis
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.shipped import siblings
from bridge.page.contract import Contract
from bridge.settings import Settings

LONG = f"""
name = "{"Long" * 16}"
about = "{"w" * 400}"
side_effect = false
[[routes]]
subtopic = "{"S" * 64}"
reply = "{"R" * 64}"
[data.{"F" * 64}]
type = "text"
about = "{"v" * 400}"
aliases = ["{"G" * 64}"]
one_of = ["{"O" * 64}"]
[reply]
shape = "object"
members = {{ {"M" * 64} = "text" }}
[example]
data = '{{"{"F" * 64}": "{"O" * 64}"}}'
call = '{{"{"F" * 64}": "{"O" * 64}"}}'
result = '{{"{"M" * 64}": "{"x" * 400}"}}'
message = '{{"response": {{"{"M" * 64}": "{"x" * 400}"}}}}'
"""
"""Names and words of the greatest length: they must fit on a phone's screen."""


@pytest.fixture(scope="session")
async def site(
    rabbit: PrivateRabbit, redis_server: PrivateRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Run a worker with all servers that it needs, and every operation that there is turned on."""
    async with AsyncExitStack() as stack:
        folder, operations = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("operations")
        (operations / "long.toml").write_text(LONG, encoding="utf-8")
        settings = {
            "BRIDGE_OPERATIONS__SIBLINGS": '["*"]',
            "BRIDGE_OPERATIONS__DIRECTORY": str(operations),
        }
        yield await open_site(
            stack, url_for_sites(rabbit), redis_server.url, folder, None, settings, ready=True
        )


@pytest.fixture(scope="session")
def contract(site: Site) -> Contract:
    """Return what the page of this worker is made from."""
    settings = Settings.model_validate({"amqp": {"prefix": site.prefix}})
    own = read_directory(Path(site.settings["BRIDGE_OPERATIONS__DIRECTORY"]))
    catalogue = Catalogue(rules(settings), [*OPERATIONS, *siblings(), *own])
    return Contract(document(catalogue, settings))
