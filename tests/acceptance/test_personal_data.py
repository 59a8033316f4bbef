"""Where a person's number lies once the bridge has served requests about him, and that it can be erased."""

import random
from pathlib import Path

from redis.asyncio import Redis
from support.command import run_command
from support.envelopes import add_contact, calls_about, manual, skip
from support.site import Site, name_of_letters


async def everything_in_redis(site: Site) -> str:
    """Return all that stands under the site's prefix, with the names of the keys; each has an expiry."""
    async with Redis.from_url(site.settings["BRIDGE_REDIS__URL"]) as redis:
        found: list[object] = []
        async for name in redis.scan_iter(match=f"{site.prefix}:*"):
            assert await redis.pttl(name) > 0, name
            found.append(name)
            if await redis.type(name) == b"hash":
                found.append(await redis.hgetall(name))
            else:
                found.append(await redis.zrange(name, 0, -1))
        return str(found)


async def test_a_person_is_erased(site: Site, tmp_path: Path) -> None:
    """From cache, ledger and dead letters; the log never had the number, and nothing is done again."""
    agent, number = name_of_letters(), f"20{random.randrange(10**8):08d}"  # noqa: S311 - a phone number
    add_contact(site.simulator, agent, PhoneNumber=number)
    add_contact(site.simulator, agent, reserved=False, PhoneNumber=number)
    new = manual(agent, reserved=False)
    assert number in str((await site.widget.ask(manual(agent))).response)
    assert number in str((await site.widget.ask(new, message_id=agent)).response)
    await site.widget.publish(skip(agent, "", phone=number))
    calls = calls_about(site.simulator, agent)
    assert 2 <= (await everything_in_redis(site)).count(number)

    async def run(*arguments: str) -> str:
        ended = await run_command(*arguments, folder=tmp_path, settings=site.settings)
        assert 0 == ended.code, ended.errors
        return ended.output

    assert "2 cached contacts, 1 stored replies" in await run("forget", number, "--dry-run")
    assert "2 cached contacts, 1 stored replies" in await run("forget", number)
    assert "1 letter" in await run("dead-letters", "drop", "--yes", "--mentioning", number)

    assert number not in await everything_in_redis(site)
    assert "0 letters" in await run("dead-letters", "list", "--mentioning", number)
    assert number not in site.worker.log.read_text()
    again = await site.widget.ask(new, message_id=agent)
    assert "OUTCOME_UNKNOWN" == again.error_type
    assert calls == calls_about(site.simulator, agent)
    await run("dead-letters", "drop", "--yes", "--all")


async def test_an_agent_is_erased(site: Site, tmp_path: Path) -> None:
    """His contacts go, and the names of the keys with them."""
    agent = name_of_letters()
    add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))
    assert agent in await everything_in_redis(site)

    ended = await run_command("forget", agent, folder=tmp_path, settings=site.settings)

    assert (0, "erased: 1 cached contacts, 0 stored replies") == (ended.code, ended.output.splitlines()[0])
    assert agent not in await everything_in_redis(site)


async def test_forget_where_redis_is_away(tmp_path: Path) -> None:
    """It says that not all is erased, and is exit 1."""
    nowhere = {"BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0"}

    ended = await run_command("forget", "2082097345", folder=tmp_path, settings=nowhere)
    short = await run_command("forget", "208", folder=tmp_path, settings=nowhere)

    assert 1 == ended.code
    assert "not all is erased" in ended.errors
    assert 2 == short.code
    assert "too short" in short.errors
