"""The commands with what others wrote, and with a RabbitMQ of several nodes."""

import json
from pathlib import Path

import pytest
from support.command import run_command
from support.envelopes import add_contact, dial, od
from support.site import Site, name_of_letters

MARKUP = "x[/x][red]y"
AWAY = "amqp://guest:guest@127.0.0.1:1/"


async def test_config_shows_markup_as_it_is(tmp_path: Path) -> None:
    """Values with brackets are shown as they are, and what would steer the terminal is replaced."""
    settings = {
        "BRIDGE_LCM__USERNAME": MARKUP,
        "BRIDGE_REDIS__PREFIX": MARKUP,
        "BRIDGE_AMQP__AGENT_QUEUE": "a\x1b[31mb",
    }

    ended = await run_command("config", folder=tmp_path, settings=settings)

    assert 0 == ended.code, ended.errors
    assert 2 == ended.output.count(MARKUP)
    assert "a\N{REPLACEMENT CHARACTER}[31mb" in ended.output
    assert "\x1b" not in ended.output


async def test_contacts_shows_markup_as_it_is(site: Site, tmp_path: Path) -> None:
    """What LCM wrote into a contact is shown as it is."""
    agent = name_of_letters()
    account = add_contact(site.simulator, agent, kind="od", PhoneNumber=MARKUP)
    await site.widget.ask(od(agent))

    ended = await run_command("contacts", agent, folder=tmp_path, settings=site.settings)

    assert 0 == ended.code, ended.errors
    assert account in ended.output
    assert MARKUP in ended.output


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_request_tries_every_node(site: Site, tmp_path: Path, order: tuple[int, int]) -> None:
    """A request goes out by whichever node is there."""
    urls = (AWAY, site.settings["BRIDGE_AMQP__URL"])
    settings = site.settings | {"BRIDGE_AMQP__URL": ",".join(urls[place] for place in order)}

    ended = await run_command(
        "request", "-", folder=tmp_path, settings=settings, given=json.dumps(dial()).encode()
    )

    assert 0 == ended.code, ended.errors


async def test_request_names_every_node_that_is_away(site: Site, tmp_path: Path) -> None:
    """With no node there, each is told in one line without a password."""
    urls = f"{AWAY.replace('guest@', 'hunter2@')},{AWAY.replace(':1/', ':2/')}"

    ended = await run_command(
        "request", "-", folder=tmp_path, settings=site.settings | {"BRIDGE_AMQP__URL": urls}, given=b"{}"
    )

    assert 6 == ended.code
    for node in ("127.0.0.1:1: ", "127.0.0.1:2: "):
        assert node in ended.errors
    assert "hunter2" not in ended.errors
    assert "Traceback" not in ended.errors
