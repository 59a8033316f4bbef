"""A skip that was cut off may have been done: the contact is not offered any more."""

import asyncio
import signal

from support.envelopes import add_contact, manual, skip
from support.site import MakeSite, name_of_letters
from support.worker import until

from bridge.simulator import Fault


async def test_a_contact_whose_skip_was_cut_off_leaves_the_cache(make_site: MakeSite) -> None:
    """The worker dies with the skip in LCM; whoever finds it cut off takes the contact out."""
    site = await make_site(BRIDGE_LEDGER__LEASE="1")
    agent = name_of_letters()
    account = add_contact(site.simulator, agent)
    await site.widget.ask(manual(agent))
    site.simulator.faults.put(Fault(kind="hang", when="after", count=1))
    asked = asyncio.create_task(site.widget.ask(skip(agent, account)))
    await until(lambda: site.simulator.hung == 1, "the call that hangs")
    await site.worker.stop(signal.SIGKILL)
    site.simulator.release()
    await site.worker.start()

    assert "OUTCOME_UNKNOWN" == (await asked).error_type
    assert "miss" == (await site.widget.ask(manual(agent))).headers["x-bridge-cache"]
