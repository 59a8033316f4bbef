"""How a worker ends: by a signal, with calls under way, too late, or at once."""

import asyncio
import signal
import tomllib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import orjson
import pytest
from support.envelopes import add_contact, create, dial, od, skip
from support.site import MakeSite, Site
from support.worker import BRIDGE, running, until

from bridge.simulator import Fault

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULE, _, FUNCTION = PROJECT["scripts"]["lcm-bridge"].partition(":")
SCRIPT = ("-c", f"import sys; from {MODULE} import {FUNCTION}; sys.exit({FUNCTION}())", "run")
"""What the script ``lcm-bridge`` does where it is installed."""


async def hanging_skip(site: Site) -> tuple[str, asyncio.Task[object]]:
    """Ask for a skip whose call hangs in LCM; give its account and the waiting requester."""
    account = add_contact(site.simulator, "slow")
    site.simulator.faults.put(Fault(kind="hang", when="after", method="SkipManualDialContact", count=1))
    waiting: asyncio.Task[object] = asyncio.create_task(site.widget.ask(skip("slow", account)))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    return account, waiting


async def waiting_in(site: Site, queue: str) -> int:
    """Count the messages that wait in a queue."""
    declared = await site.widget.channel.declare_queue(f"{site.prefix}.{queue}", passive=True)
    return declared.declaration_result.message_count or 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_call_under_way_is_finished(make_site: MakeSite, number: signal.Signals) -> None:
    """A signal during a slow call: not ready, the call is finished, answered and acknowledged, exit 0."""
    site = await make_site()
    _, asked = await hanging_skip(site)

    site.worker.process.send_signal(number)
    await site.worker.until_not_ready()
    status, page = await site.worker.get("/readyz")
    assert (503, ["draining"]) == (status, orjson.loads(page)["missing"])
    assert 200 == (await site.worker.get("/livez"))[0]
    site.simulator.release()

    assert 0 == await asyncio.wait_for(site.worker.process.wait(), 20)
    reply = await asked
    assert {"success": True} == getattr(reply, "response", None)
    assert 0 == await waiting_in(site, "requests.agent")
    await site.worker.start()
    await site.widget.ask(dial())
    assert [] == site.widget.unexpected


async def test_what_has_not_begun_goes_back(make_site: MakeSite) -> None:
    """Requests that wait while the worker drains are left for the next one, and answered by it once."""
    site = await make_site(BRIDGE_AMQP__AGENT_PREFETCH="1")
    _, asked = await hanging_skip(site)
    later = [asyncio.create_task(site.widget.ask(dial())) for _ in range(20)]
    async with asyncio.timeout(20):
        while await waiting_in(site, "requests.agent") < 20:
            await asyncio.sleep(0.02)

    site.worker.process.send_signal(signal.SIGTERM)
    await site.worker.until_logged("worker.draining")
    site.simulator.release()
    assert 0 == await asyncio.wait_for(site.worker.process.wait(), 20)

    assert asked.done() or await asked
    assert not any(one.done() for one in later)
    await site.worker.start()
    assert {"ok"} == {reply.headers["x-bridge-status"] for reply in await asyncio.gather(*later)}
    assert 1 == len(site.simulator.effects.effects)


async def test_a_call_that_times_out_while_draining(make_site: MakeSite) -> None:
    """A side effect that LCM never answers is called unknown within the grace: exit 0."""
    site = await make_site(BRIDGE_SHUTDOWN__GRACE="10", BRIDGE_LCM__TIMEOUT="0.5")
    account = add_contact(site.simulator, "late")
    site.simulator.faults.put(Fault(kind="hang"))
    asked = asyncio.create_task(site.widget.ask(skip("late", account)))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")

    assert 0 == await site.worker.stop()

    assert "OUTCOME_UNKNOWN" == (await asked).error_type
    assert "outcome-unknown" == (await site.widget.dead_letter()).headers["x-reason"]


async def test_grace_exceeded(make_site: MakeSite) -> None:
    """A request that cannot be settled within the grace is left to the broker: exit 1, nothing lost."""
    site = await make_site(BRIDGE_SHUTDOWN__GRACE="1", BRIDGE_LCM__TIMEOUT="0.9")
    add_contact(site.simulator, "late", kind="od")
    site.simulator.faults.put(Fault(kind="hang", count=2))
    asked = asyncio.create_task(site.widget.ask(od("late")))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    await site.widget.channel.queue_delete(f"{site.prefix}.dead-letters")
    await site.widget.publish(skip("late", "1"), queue=f"{site.prefix}.requests.agent")
    await until(lambda: site.simulator.hung == 2, "the second call that hangs")

    site.worker.process.send_signal(signal.SIGTERM)
    code = await asyncio.wait_for(site.worker.process.wait(), 20)

    assert "LCM_TIMEOUT" == (await asked).error_type
    assert 1 == code
    assert 1 == site.worker.events("worker.grace_exceeded")[0]["abandoned"]
    site.simulator.faults.clear()
    await site.worker.start()
    letter = await site.widget.dead_letter()
    assert "outcome-unknown" == letter.headers["x-reason"]


async def test_a_rolling_restart_under_load(make_site: MakeSite) -> None:
    """Two workers end and are replaced one after the other under load: exit 0, all done once and answered."""
    site = await make_site()
    site.simulator.faults.put(Fault(latency_ms=20, jitter_ms=60))
    names = [f"contact-{number}" for number in range(600)]
    async with AsyncExitStack() as stack:
        workers = [site.worker]

        async def add() -> None:
            log = site.worker.log.with_name(f"worker-{len(workers)}.log")
            workers.append(await stack.enter_async_context(running(site.settings, log)))

        await add()
        asked = [
            asyncio.create_task(site.widget.ask(create(ContactDetail=name), message_id=name))
            for name in names
        ]
        codes = []
        for doomed in (site.worker, workers[1]):
            await until(
                lambda: len(site.simulator.effects) >= 150 * len(workers),
                "some of the load done",
            )
            codes.append(await doomed.stop())
            await add()
        replies = await asyncio.gather(*asked)

    assert [0, 0] == codes
    assert {"ok"} == {reply.headers["x-bridge-status"] for reply in replies}
    done = sorted(str(effect.request["ContactDetail"]) for effect in site.simulator.effects.effects)
    assert sorted(names) == done


async def test_a_waiting_repetition_goes_to_the_next_worker(make_site: MakeSite) -> None:
    """A repetition that waits for another worker's call does not hold up the end of its own."""
    site = await make_site(BRIDGE_AMQP__CAMPAIGN_PREFETCH="1", BRIDGE_RETRY__DELAYS="[100]")
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = [asyncio.create_task(site.widget.ask(create(), message_id="it"))]
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    async with running(site.settings, site.worker.log.with_name("other.log")) as other:
        asked.append(asyncio.create_task(site.widget.ask(create(), message_id="it")))
        async with asyncio.timeout(20):
            while not await other.metric('lcm_bridge_ledger_total{outcome="waited"}'):
                await asyncio.sleep(0.02)

        assert 0 == await other.stop()
    site.simulator.release()
    replies = await asyncio.gather(*asked)

    assert 1 == len({reply.response for reply in replies})
    assert 1 == len(site.simulator.effects.effects)


async def test_a_second_signal_ends_it_at_once(make_site: MakeSite) -> None:
    """The second signal does not wait for anything: exit 1, and the request is delivered again."""
    site = await make_site()
    _, asked = await hanging_skip(site)

    site.worker.process.send_signal(signal.SIGTERM)
    await site.worker.until_logged("worker.draining")
    site.worker.process.send_signal(signal.SIGTERM)

    assert 1 == await asyncio.wait_for(site.worker.process.wait(), 20)
    await site.worker.start()
    reply = await asked
    assert "OUTCOME_UNKNOWN" == getattr(reply, "error_type", None)
    assert "outcome-unknown" == (await site.widget.dead_letter()).headers["x-reason"]
    assert 1 == len(site.simulator.effects.effects)


async def test_a_signal_before_anything_is_connected(make_site: MakeSite) -> None:
    """Signal handlers are in place first: a worker without a broker ends in order."""
    site = await make_site(ready=False, BRIDGE_AMQP__URL="amqp://guest:guest@127.0.0.1:1/")
    await site.worker.until_logged("worker.started")

    assert 0 == await site.worker.stop()
    with pytest.raises(aiohttp.ClientError):
        await site.worker.get("/livez")


async def test_an_address_that_is_taken(make_site: MakeSite) -> None:
    """An admin port that another program has: exit 1, and the log says what to check."""
    first = await make_site()
    port = first.worker.admin_url.rpartition(":")[2]
    second = await make_site(ready=False, BRIDGE_ADMIN__PORT=port)

    assert 1 == await asyncio.wait_for(second.worker.process.wait(), 20)
    assert "admin.port" in second.worker.events("worker.cannot_start")[0]["next"]


@pytest.mark.parametrize("started", [BRIDGE, SCRIPT], ids=["module", "script"])
async def test_a_signal_before_the_worker_has_started(started: Sequence[str], tmp_path: Path) -> None:
    """SIGTERM while the program is still being loaded ends it as well: exit 0, nothing was begun."""
    settings = {"BRIDGE_AMQP__URL": "amqp://127.0.0.1:1/", "BRIDGE_REDIS__URL": "redis://127.0.0.1:1/0"}
    program = ("-X", "importtime", *started)
    async with running(settings, tmp_path / "early.log", ready=False, program=program) as worker:
        # Python tells of each module when it is loaded; this one comes long before the worker.
        await until(lambda: " argparse\n" in worker.log.read_text(), "an import")

        assert 0 == await worker.stop()
