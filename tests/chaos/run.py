"""One run: everything is started, pressed and broken for a while, and then judged."""

import asyncio
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aio_pika.exceptions import ChannelNotFoundEntity
from chaos.faults import EXPLAIN_UNKNOWN, FAULTS, UNBROKEN_SECONDS
from chaos.sites import Plan, Site, make_clients, open_site
from chaos.sums import Sums
from chaos.times import Times
from support.connecting import connect

START_SECONDS = 60.0
SETTLE_SECONDS = 150.0
PROGRESS_SECONDS = 10.0
LEAST_OK = 0.7


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run."""

    sums: Sums
    notes: list[str]
    injected: Counter[str]
    times: Times

    @property
    def passed(self) -> bool:
        """Whether nothing happened that must not happen, and most requests succeeded."""
        return not any(self.sums.faults().values()) and self.sums.ok > LEAST_OK * self.sums.sent


PrintLine = Callable[[str], None]


async def run(plan: Plan, print_line: PrintLine) -> Outcome:
    """Run it all. Raises `bridge.demo.servers.ServerMissing` and `ServerFailed`."""
    print_line(f"{plan.title}: seed {plan.seed}")
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # lost connections are what this is about
    folder = Path(tempfile.mkdtemp(prefix="lcm-bridge-chaos-"))
    async with open_site(plan, folder) as site:
        started = time.monotonic()
        tasks = [asyncio.create_task(client.run()) for client in make_clients(site)]
        try:
            telling = asyncio.create_task(_tell(site, started, print_line))
            tasks.append(telling)
            if plan.watch is not None:
                tasks.append(asyncio.create_task(plan.watch(site)))
            await _press(site, plan, print_line)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        explaining = EXPLAIN_UNKNOWN | plan.explain_unknown
        sums = site.books.sums(
            site.fleet.logs.odd_lines,
            unrecorded=site.fleet.logs.unrecorded,
            unknown_explained=not explaining.isdisjoint(site.injected),
        )
        outcome = Outcome(
            sums=sums,
            notes=[*site.books.notes, *site.fleet.logs.odd],
            injected=site.injected,
            times=site.books.times,
        )
        for line in report(site, outcome, time.monotonic() - started):
            print_line(line)
    if (outcome.passed or not plan.judged) and not plan.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print_line(f"logs: {folder}")
    verdict = ("passed" if outcome.passed else "FAILED") if plan.judged else "measured"
    print_line(f"{plan.title}: seed {plan.seed}: {verdict}")
    return outcome


async def _press(site: Site, plan: Plan, print_line: PrintLine) -> None:
    """Send and break until both are done, then let everything settle and end the workers."""
    await site.fleet.start()
    await _declared(site)
    async with asyncio.timeout(START_SECONDS):  # an event that nobody listens for yet would count as lost
        await asyncio.gather(*(one.ready() for one in (*site.crowd.clients, *site.crowd.listeners)))
    began, broken_enough = time.monotonic(), asyncio.Event()

    def done() -> bool:
        if not broken_enough.is_set():
            return False
        return time.monotonic() - began >= plan.seconds and len(site.traffic.requests) >= plan.requests

    pressing = asyncio.create_task(site.crowd.press(plan.rate, done))
    await asyncio.sleep(UNBROKEN_SECONDS)
    injects = {**FAULTS, **plan.more_faults}
    names = list(FAULTS if plan.faults is None else plan.faults)
    rounds = 0
    while not pressing.done():
        site.rng.shuffle(names)
        for name in names:
            if rounds >= plan.rounds and (done() or pressing.done()):
                break
            await asyncio.sleep(site.between(*plan.pause))
            site.now = name
            await injects[name](site)
            site.now = ""
            site.injected[name] += 1
        rounds += 1
        if not names:
            await asyncio.sleep(1)
        if rounds >= plan.rounds:
            broken_enough.set()
            await asyncio.sleep(0.1)
    await pressing
    print_line("no more faults: everything settles")
    await _settle(site)
    await site.fleet.stop()
    await asyncio.sleep(0.5)  # what they told last arrives


async def _declared(site: Site) -> None:
    """Wait until the workers have declared what is published to. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS), await connect(site.urls[0]) as connection:
        while True:
            channel = await connection.channel()
            try:
                await channel.get_queue(f"{site.prefix}.dead-letters")
                await channel.get_exchange(f"{site.prefix}.requests")
            except ChannelNotFoundEntity:
                await asyncio.sleep(0.2)
            else:
                return


async def _settle(site: Site) -> None:
    """Wait until every request came to its end, or until no queue holds any and they are lost."""
    quiet = 0
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and quiet < 2:  # twice, for what was on its way
        site.simulator.release()
        if not site.crowd.busy and not site.books.waiting:
            return
        listed = await site.ctl("list_queues", "--silent", "messages")
        empty = all(word == "0" for word in listed.split() if word.isdigit())
        quiet = quiet + 1 if empty and not site.crowd.busy else 0
        await asyncio.sleep(1)
    if quiet < 2:
        listed = await site.ctl("list_queues", "--silent", "name", "messages", "messages_ready")
        site.books.notes.append(f"not settled; queues: {' '.join(listed.split())}")


async def _tell(site: Site, started: float, print_line: PrintLine) -> None:
    """Print a line of progress now and then, and take down what must not pile up."""
    told = 0.0
    while True:
        site.books.look_at_effects()
        site.fleet.read_logs()
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            print_line(
                f"{told - started:5.0f} s  requests {len(site.traffic.requests)}"
                f"  replied {site.books.replied}"
                f"  waiting {site.books.waiting_of_late()}  ok {site.books.outcomes['ok']}"
                f"  odd {site.books.unexpected + site.fleet.logs.odd_lines}  {site.now}"
            )
        await asyncio.sleep(1)


def report(site: Site, outcome: Outcome, seconds: float) -> list[str]:
    """Return what is printed at the end."""
    books, sums = site.books, outcome.sums
    requests = len(site.traffic.requests)
    lines = [f"{requests} requests in {seconds:.0f} s", "", "faults injected:"]
    lines += [
        f"  {name:28} {count}{f' ({site.skipped[name]} in vain)' if site.skipped[name] else ''}"
        for name, count in sorted(site.injected.items())
    ]
    lines += ["", "answers:", *(f"  {name:40} {count}" for name, count in books.outcomes.most_common())]
    lines += ["", "warnings and errors in the workers' logs:"]
    lines += [f"  {name:50} {count}" for name, count in site.fleet.logs.events.most_common(25)]
    median = books.median_after_kill()
    first = f"{median:.1f} s (median of {len(books.after_kill)})" if median is not None else "-"
    lines += [
        "",
        f"first reply after the broker is back from a kill: {first}",
        f"outcome unknown: {sums.unknown / max(1, requests):.2%} of the requests",
        f"replies twice: {books.replied_again}",
        f"unknown after a definite reply, as the time was up while Redis was away: {books.late_unknown}",
        f"unknown after a definite reply that was not recorded in time: {books.unknown_unrecorded}",
        "",
        *(f"- {note}" for note in outcome.notes[:60]),
        *(f"{line}" for line in books.times.report()),
        "",
        sums.line(),
    ]
    return lines
