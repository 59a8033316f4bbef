"""A private, throw-away Prometheus on 127.0.0.1 that scrapes workers, for tests and for pictures.

    async with Prometheus([Target("127.0.0.1:8080")], rules=[path], pace=Pace().faster(30)) as prometheus:
        await prometheus.instant("lcm_bridge_amqp_connected")

Its first scrape comes 5 to 6 s after its start, however short the interval is, and so it is after a change of
targets: choose the ports of the workers beforehand, and start it before or beside them.
"""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from bridge.demo.guard import Guard
from bridge.demo.ports import free_port
from bridge.demo.processes import OwnedProcess
from monitoring.scrapes import Alert, Pace, Series, Target

__all__ = ["Alert", "Pace", "Prometheus", "PrometheusFailed", "PrometheusMissing", "Series", "Target"]

PROGRAM: Final = "prometheus"
USUAL: Final = Pace()
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 20.0
_TRIES: Final = 5


class PrometheusMissing(RuntimeError):
    """The program is not installed; the message says what to install."""


class PrometheusFailed(RuntimeError):
    """Prometheus did not start, or refused a configuration or query; the message says why in its words."""


def available() -> bool:
    """Tell whether the program is installed."""
    return shutil.which(PROGRAM) is not None


class Prometheus:
    """A Prometheus server of one's own: data and configuration in a temporary folder, gone at its end."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        job: str = "lcm-bridge",
        rules: Sequence[Path] = (),
        pace: Pace = USUAL,
    ) -> None:
        self.targets = list(targets)
        self.rules = list(rules)
        self._job = job
        self._pace = pace
        self._port = 0
        self._folder: Path | None = None
        self._guard: Guard | None = None
        self._process: OwnedProcess | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``. Raises RuntimeError before `start`."""
        if not self._port:
            raise RuntimeError("Prometheus has not been started")
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()

    async def start(self) -> None:
        """Start it, and return when it is ready. Nothing is left running after an error.

        Raises `PrometheusMissing`, and `PrometheusFailed` with what it logged, such as a mistake in a rule.
        """
        program = shutil.which(PROGRAM)
        if program is None:
            raise PrometheusMissing(
                "Prometheus is not installed: install the package prometheus (scripts/setup.sh --tests does)"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="lcm-bridge-prometheus-"))
        self._guard = Guard(folder=self._folder)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))
        try:
            self._write_configuration(self._folder)
            for last in (*(False for _ in range(_TRIES - 1)), True):
                if await self._start_on(free_port(), program, self._folder, self._guard, last=last):
                    return
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it by SIGTERM, after 10 s by SIGKILL, and remove its folder. Nothing if it never started."""
        process, session, guard = self._process, self._session, self._guard
        self._process, self._session, self._guard, self._port = None, None, None, 0
        try:
            if session is not None:
                await session.close()
        finally:
            try:
                if process is not None:
                    await process.stop(grace=STOP_SECONDS)
            finally:
                if guard is not None:
                    guard.close()  # it kills what a cancellation left, and removes the folder

    async def reload(self) -> None:
        """Take up changed ``targets`` and ``rules``. Rules count at once, targets within 10 s.

        Raises `PrometheusFailed` where it cannot take them: then it keeps to what it had.
        """
        if self._folder is None or self._session is None:
            raise RuntimeError("Prometheus has not been started")
        self._write_configuration(self._folder)
        async with self._session.post(f"{self.url}/-/reload") as response:
            if not response.ok:
                raise PrometheusFailed(f"{(await response.text()).strip()}\n{self.log_tail()}")

    async def instant(self, expression: str, *, at: float | None = None) -> list[Series]:
        """Evaluate an expression at a moment (unix seconds; now); a scalar is a series without labels.

        Raises `PrometheusFailed` where the expression is wrong or its evaluation fails.
        """
        parameters = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        data = await self._get("/api/v1/query", parameters)
        if data["resultType"] == "scalar":
            return [Series({}, [_point(data["result"])])]
        return _series(data["result"])

    async def over(self, expression: str, *, start: float, end: float, step: float) -> list[Series]:
        """Evaluate an expression every ``step`` seconds from ``start`` to ``end`` (unix seconds).

        Raises `PrometheusFailed` as `instant`.
        """
        parameters = {
            "query": expression,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:.3f}",
        }
        return _series((await self._get("/api/v1/query_range", parameters))["result"])

    async def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or firing at this moment."""
        return [
            Alert(
                name=alert["labels"]["alertname"],
                labels=alert["labels"],
                annotations=alert["annotations"],
                state=alert["state"],
                active_at=datetime.fromisoformat(alert["activeAt"]).timestamp(),
            )
            for alert in (await self._get("/api/v1/alerts", {}))["alerts"]
        ]

    async def evaluated(self) -> list[dict[str, Any]]:
        """Return the rules as the API describes them (``name``, ``type``, ``health``, ``lastError``, ...)."""
        data = await self._get("/api/v1/rules", {})
        return [rule for group in data["groups"] for rule in group["rules"]]

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of its log."""
        if self._folder is None or not (log := self._folder / "prometheus.log").exists():
            return ""
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    async def _get(self, path: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        if self._session is None:
            raise RuntimeError("Prometheus has not been started")
        async with self._session.get(f"{self.url}{path}", params=parameters) as response:
            answer = await response.json()
        if answer["status"] != "success":
            raise PrometheusFailed(f"{answer['error']}: {parameters.get('query', path)}")
        return answer["data"]

    async def _start_on(self, port: int, program: str, folder: Path, guard: Guard, *, last: bool) -> bool:
        """Start it on a port and wait until it is ready; False where somebody took the port meanwhile."""
        command = [
            program,
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            f"--query.lookback-delta={_duration(self._pace.lookback)}",
        ]
        log = folder / "prometheus.log"
        process = OwnedProcess(command, env=dict(os.environ), folder=folder, log=log, guard=guard)
        self._process, self._port = process, port
        await process.start()
        if await self._is_ready(process):
            return True
        said = self.log_tail()
        await process.kill()
        if last or "address already in use" not in said:
            raise PrometheusFailed(f"Prometheus did not start: {said}")
        return False

    async def _is_ready(self, process: OwnedProcess) -> bool:
        """Wait until it answers; False where it ended, or did not answer in time."""
        if self._session is None:
            return False
        try:
            async with asyncio.timeout(START_SECONDS):
                while process.running:
                    try:
                        async with self._session.get(f"{self.url}/-/ready") as response:
                            if response.ok:
                                return process.running
                    except aiohttp.ClientError:
                        pass  # it does not listen yet
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        return False

    def _write_configuration(self, folder: Path) -> None:
        """Write it as JSON, which is YAML."""
        scrape = _duration(self._pace.scrape)
        configuration = {
            "global": {
                "scrape_interval": scrape,
                "scrape_timeout": scrape,  # it may not be longer
                "evaluation_interval": _duration(self._pace.evaluate),
            },
            "rule_files": [str(path) for path in self.rules],
            "scrape_configs": [
                {
                    "job_name": self._job,
                    "static_configs": [
                        {"targets": [target.address], "labels": dict(target.labels)}
                        for target in self.targets
                    ],
                }
            ],
        }
        (folder / "prometheus.json").write_text(json.dumps(configuration))


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _point(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _series(result: Sequence[Mapping[str, Any]]) -> list[Series]:
    return [
        Series(one["metric"], [_point(pair) for pair in one.get("values") or [one["value"]]])
        for one in result
    ]
