"""The simulator as an HTTP server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bridge.simulator.control import Control
from bridge.simulator.faults import FaultPlan
from bridge.simulator.ledger import CallLog, EffectLedger
from bridge.simulator.options import Options
from bridge.simulator.pauses import Pauses
from bridge.simulator.seeding import plant
from bridge.simulator.service import Service
from bridge.simulator.state import Clock, State, utc_now

# Control requests carry whole data sets; LCM calls have a quota of their own.
CONTROL_BYTES = 64 * 1024 * 1024
SHUTDOWN_SECONDS = 1.0


class Simulator:
    """An LCM WebService that is not one, with real state behind it.

    Raises ZoneInfoNotFoundError (a KeyError) for an unknown time zone, ValueError for a wire name that
    leads to no operation, LimitReached when the seeding does not fit.
    """

    def __init__(self, options: Options | None = None, *, clock: Clock = utc_now) -> None:
        self.options = options or Options()
        if unknown := sorted(set(self.options.methods.values()) - set(self.options.known)):
            known = ", ".join(self.options.known)
            raise ValueError(f"no such operation: {', '.join(unknown)}; there are {known}")
        self.state = State(
            clock=clock,
            reservation_seconds=self.options.reservation_seconds,
            limits=self.options.limits,
        )
        self._service = Service(self.options, self.state)
        if self.options.seeding is not None:
            plant(self.state, self.options.seeding)
        self._runner: web.AppRunner | None = None
        self._root_url = ""

    @property
    def faults(self) -> FaultPlan:
        """The plan of faults."""
        return self._service.faults

    @property
    def effects(self) -> EffectLedger:
        """Every call that had an effect."""
        return self._service.effects

    @property
    def calls(self) -> CallLog:
        """The last calls as they arrived."""
        return self._service.calls

    @property
    def base_url(self) -> str:
        """What `lcm.base_url` is set to. Known once started."""
        return self._root_url + self.options.base_path

    @property
    def control_url(self) -> str:
        """Where the control API is. Known once started."""
        return self._root_url + "/control"

    @property
    def hung(self) -> int:
        """How many calls hang at present."""
        return self._service.pauses.hung

    def release(self, *, drop: bool = False) -> int:
        """Let hung calls go on, or cut them with `drop`; gives how many."""
        return self._service.pauses.release(drop=drop)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 picks a free one. May follow a stop: data, faults and ledgers are kept.

        Raises OSError when the address cannot be had, RuntimeError when it is running already,
        ssl.SSLError when a certificate cannot be used.
        """
        if self._runner is not None:
            raise RuntimeError("the simulator is running already")
        tls = self.options.tls.context() if self.options.tls else None
        self._service.pauses = Pauses()
        app = web.Application(client_max_size=CONTROL_BYTES)
        app.add_routes(Control(self._service).routes())
        app.router.add_route("*", "/{path:.*}", self._service.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        bound = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        self._root_url = f"{'https' if tls else 'http'}://{shown}:{bound}"

    async def stop(self) -> None:
        """Stop listening and cut what still waits. A simulator that does not run is left as it is."""
        if self._runner is None:
            return
        self._service.pauses.stop()
        runner, self._runner = self._runner, None
        await runner.cleanup()

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator["Simulator"]:
        """Run for as long as the block lasts. Raises as `start` does."""
        await self.start(host, port)
        try:
            yield self
        finally:
            await self.stop()
