"""The admin server, apart from the data path: ``/livez``, ``/readyz``, ``/metrics``, and pages."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from bridge.metrics import Metrics
from bridge.settings import Admin


class Page(NamedTuple):
    """What does not change while the process runs: it is made when it is first asked for, in a thread."""

    content_type: str
    make: Callable[[], str]
    headers: Mapping[str, str] = MappingProxyType({})


class AdminServer:
    """Serves probes, metrics and pages while it is entered with ``async with``.

    ``missing`` returns what is not there yet for requests to be served, ``paused`` the queues that are
    not consumed on purpose, with the reasons. ``pages`` are served under their paths.
    """

    def __init__(
        self,
        settings: Admin,
        metrics: Metrics,
        missing: Callable[[], list[str]],
        paused: Callable[[], dict[str, list[str]]],
        pages: Mapping[str, Page],
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._missing = missing
        self._paused = paused
        self._pages = pages
        self._made: dict[str, bytes] = {}
        self._making = asyncio.Lock()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError if the address is taken."""
        app = web.Application()
        app.router.add_get("/", self._contents)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics_page)
        for path in self._pages:
            app.router.add_get(path, self._page)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port, shutdown_timeout=1.0)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port that was picked, if the setting is 0."""
        if self._runner is None or not self._runner.addresses:
            return self._settings.host, self._settings.port
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    async def _contents(self, _: web.Request) -> web.Response:
        """Say what there is, a path per line."""
        return web.Response(text="\n".join([*self._pages, "/metrics", "/livez", "/readyz", ""]))

    async def _livez(self, _: web.Request) -> web.Response:
        """Say that the event loop runs; knows no dependency."""
        return web.json_response({"status": "alive"})

    async def _readyz(self, _: web.Request) -> web.Response:
        missing = self._missing()
        status = 503 if missing else 200
        answer = {"ready": not missing, "missing": missing, "paused": self._paused()}
        return web.json_response(answer, status=status)

    async def _metrics_page(self, request: web.Request) -> web.Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(self._metrics.registry), headers={"Content-Type": content_type})

    async def _page(self, request: web.Request) -> web.Response:
        page = self._pages[request.path]
        async with self._making:
            if request.path not in self._made:
                # Tens of milliseconds of work, with 200 operations nearly a second: no request waits for it.
                self._made[request.path] = (await asyncio.to_thread(page.make)).encode()
        return web.Response(
            body=self._made[request.path],
            content_type=page.content_type,
            charset="utf-8",
            headers=page.headers,
        )
