"""Many requests at once on one reply queue: every reply finds its own request."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from support.envelopes import Envelope, add_contact, create, dial, manual, od, skip
from support.site import Site
from support.worker import until

from bridge.room import LARGE_BYTES
from bridge.simulator import Fault

Check = Callable[[Any], bool]


def requests_of(site: Site, number: int) -> tuple[Envelope, Check]:
    """Return the request of one agent, by turns of each operation, and what its reply must hold."""
    agent = f"hundred-{number}"
    phone = f"202555{number:04d}"
    match number % 6:
        case 0:
            account = add_contact(site.simulator, agent, kind="od")
            return od(agent), lambda reply: reply.response["AccountNumber"] == account
        case 1:
            accounts = [add_contact(site.simulator, agent) for _ in range(3)]
            return manual(
                agent, 3
            ), lambda reply: [one["AccountNumber"] for one in reply.response] == accounts
        case 2:
            account = add_contact(site.simulator, agent, reserved=False)
            return manual(
                agent, reserved=False
            ), lambda reply: [one["AccountNumber"] for one in reply.response] == [account]
        case 3:
            account = add_contact(site.simulator, agent)
            return skip(agent, account), lambda reply: reply.response == {"success": True}
        case 4:
            return dial(phone), lambda reply: reply.body["message"]["data"] == {"PhoneNumber": phone}
        case _:
            modes = f"<Data><Home><Cvalue>{phone}</Cvalue><TZ>x</TZ></Home></Data>"
            return create(
                Modes=modes
            ), lambda reply: site.simulator.state.contacts[reply.response].phone_number == phone


async def test_one_hundred_at_once(site: Site) -> None:
    """One hundred concurrent requests of every operation: each reply has its own id and its own content."""
    asked = [requests_of(site, number) for number in range(100)]

    replies = await asyncio.gather(
        *(
            site.widget.ask(request, correlation_id=f"own-{number}", message_id=f"hundred-{number}")
            for number, (request, _) in enumerate(asked)
        )
    )

    assert [f"own-{number}" for number in range(100)] == [reply.message.correlation_id for reply in replies]
    assert [] == [reply.body for reply, (_, right) in zip(replies, asked, strict=True) if not right(reply)]
    assert [] == site.widget.unexpected


async def test_a_slow_call_holds_nobody_up(site: Site) -> None:
    """While LCM hangs over one agent's request, the requests of others are answered."""
    add_contact(site.simulator, "stuck", kind="od")
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD", count=1))
    stuck = asyncio.create_task(site.widget.ask(od("stuck")))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")

    others = await asyncio.gather(*(site.widget.ask(manual(f"agent{number}")) for number in range(1, 21)))

    assert not stuck.done()
    assert {"ok"} == {reply.headers["x-bridge-status"] for reply in others}
    site.simulator.release()
    assert "ContactOD" == (await stuck).body["subtopic"]
    site.simulator.faults.clear()


@pytest.mark.parametrize(("parts", "at_once"), [(2, 32), (16, 4)])
async def test_few_large_requests_are_worked_on_at_once(site: Site, parts: int, at_once: int) -> None:
    """The larger the fewer; the next is begun when some have ended; small ones pass, and all are answered."""
    agent = f"large-{parts}"
    add_contact(site.simulator, agent, kind="od")
    site.simulator.faults.put(Fault(kind="hang", method="GetReservedContactOD"))
    large = od(agent)
    large["data"]["ignored"] = ["x" * (LARGE_BYTES - 10)] * (parts - 1) + ["x" * 1000]
    asked = [asyncio.create_task(site.widget.ask(large)) for _ in range(at_once + 4)]
    await until(lambda: site.simulator.hung == at_once, "as many calls as may be")

    small = await site.widget.ask(manual("agent1"))

    assert "ok" == small.headers["x-bridge-status"]
    assert at_once == site.simulator.hung
    site.simulator.faults.clear()
    site.simulator.release()
    assert {"ContactOD"} == {reply.body["subtopic"] for reply in await asyncio.gather(*asked)}
