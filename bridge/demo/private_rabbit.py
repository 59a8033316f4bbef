"""A private RabbitMQ."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import aiormq

from bridge.demo.containers import OwnedContainer, Recipe
from bridge.demo.guard import Guard
from bridge.demo.installed import rabbit_image, rabbit_program
from bridge.demo.ports import free_port
from bridge.demo.private import PROBE_SECONDS, PrivateServer
from bridge.demo.processes import run_to_end
from bridge.demo.runs import ContainerRun, Program

PROMETHEUS = "rabbitmq_prometheus"
STARTED = "Server startup complete"
_OTHER_PORTS = 20
"""How many more rabbitmqctl may try for itself: the first was free, and may be no more."""


class PrivateRabbit(PrivateServer):
    """A RabbitMQ node of one's own, with its own epmd, user guest/guest and virtual host "/".

    Which RabbitMQ: see `bridge.demo.installed`.

    `conf` holds further lines for rabbitmq.conf, `advanced` settings that it does not know, `plugins` the
    names of plugins to switch on (none by default: it starts and stops faster). The
    Prometheus plugin gets a free port: `metrics_url`.
    """

    name = "RabbitMQ"

    def __init__(
        self,
        *,
        conf: Sequence[str] = (),
        advanced: Mapping[str, int] = MappingProxyType({}),
        plugins: Sequence[str] = (),
        folder: Path | None = None,
        start_seconds: float = 90.0,
    ) -> None:
        super().__init__(folder=folder, start_seconds=start_seconds)
        self._conf = tuple(conf)
        self._advanced = ", ".join(f"{{{name}, {value}}}" for name, value in advanced.items())
        self._plugins = tuple(plugins)
        self._token = secrets.token_hex(4)
        self._program = ""
        self._env: dict[str, str] = {}
        self._plugin_ports: dict[str, int] = {}
        self._log_start = 0  # bytes that earlier starts logged

    @property
    def url(self) -> str:
        """`amqp://guest:guest@127.0.0.1:<port>/`."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def metrics_url(self) -> str:
        """The URL of the Prometheus plugin's metrics. Raises KeyError when it is not switched on."""
        return f"http://127.0.0.1:{self._plugin_ports[PROMETHEUS]}/metrics"

    async def ctl(self, *arguments: str, seconds: float = 60.0) -> str:
        """Run `rabbitmqctl` with `arguments` on this node and return what it printed (about 2 s).

        Raises RuntimeError when it reports an error, TimeoutError after `seconds`.
        """
        if isinstance(self._run, ContainerRun):
            return await self._run.container.execute("rabbitmqctl", *arguments, seconds=seconds)
        port = free_port()
        ports = {
            "RABBITMQ_CTL_DIST_PORT_MIN": str(port),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(port + _OTHER_PORTS),
        }
        program = str(Path(self._program).with_name("rabbitmqctl"))
        command = (program, "-n", self._node, *arguments)
        ended = await run_to_end(*command, seconds=seconds, env={**self._env, **ports})
        if ended.code != 0:
            said = f"{ended.output}\n{ended.errors}".strip()
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {said}")
        return ended.output

    @property
    def _node(self) -> str:
        return f"private-{self._token}@localhost"

    def _find_program(self) -> str | None:
        return rabbit_program()

    def _programs(self, program: str, port: int) -> list[Program]:
        self._program = program
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        folder = self.folder
        (folder / "mnesia").mkdir(exist_ok=True)
        (folder / "conf.d").mkdir(exist_ok=True)
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(0o400)
        (folder / "enabled_plugins").write_text(f"[{','.join(self._plugins)}].\n")
        self._write_advanced()
        (folder / "rabbitmq.conf").write_text("\n".join(self._conf_lines(port)) + "\n")
        epmd_port = free_port()
        self._env = {
            # Settings of the machine's own RabbitMQ and Erlang stay out.
            **{key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))},
            "HOME": str(folder),  # where Erlang keeps its cookie
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d" / "*.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",  # to standard output, which is the log file
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            # The script becomes the server instead of its parent, so that its id is the server's.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-noinput +B i +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
                "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            "RABBITMQ_CTL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
        }
        # That of the same Erlang, where it lies beside the server.
        places = os.pathsep.join([str(Path(program).parent), os.environ.get("PATH", os.defpath)])
        epmd = shutil.which("epmd", path=places) or "epmd"
        return [
            Program(command=[epmd, "-port", str(epmd_port), "-address", "127.0.0.1"], env=self._env),
            Program(command=[program], env=self._env),
        ]

    def _conf_lines(self, port: int) -> list[str]:
        lines = [
            f"listeners.tcp.default = 127.0.0.1:{port}",
            "log.console = true",
            "log.console.level = info",
            "log.file = false",
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 50MB",
        ]
        if PROMETHEUS in self._plugins:
            self._plugin_ports[PROMETHEUS] = free_port()
            lines += [
                "prometheus.tcp.ip = 127.0.0.1",
                f"prometheus.tcp.port = {self._plugin_ports[PROMETHEUS]}",
            ]
        return [*lines, *self._conf]

    def _write_advanced(self) -> Path:
        file = self.folder / "advanced.config"
        file.write_text(f"[{{rabbit, [{self._advanced}]}}].\n")
        file.chmod(0o644)
        return file

    def _make_container(self, engine: str, port: int, guard: Guard) -> OwnedContainer:
        conf = self.folder / "conf.d"
        conf.mkdir(mode=0o755, exist_ok=True)
        lines = ["vm_memory_high_watermark.absolute = 1GB", *self._conf]
        (conf / "90-private.conf").write_text("\n".join(lines) + "\n")
        files = [(conf, "/etc/rabbitmq/")]  # the folder, which not every image has
        if self._advanced:
            files.append((self._write_advanced(), "/etc/rabbitmq/"))
        if self._plugins:
            enabled = self.folder / "enabled_plugins"
            enabled.write_text(f"[{','.join(self._plugins)}].\n")
            enabled.chmod(0o644)
            files.append((enabled, "/etc/rabbitmq/"))
        ports = {port: 5672}
        if PROMETHEUS in self._plugins:
            self._plugin_ports[PROMETHEUS] = free_port()
            ports[self._plugin_ports[PROMETHEUS]] = 15692
        name = f"lcm-bridge-{self._token}-{port}"
        return OwnedContainer(
            engine, Recipe(image=rabbit_image(), name=name, ports=ports, files=files), guard
        )

    async def _answers(self, port: int) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                if not await self._greets(port) or not self._calls_itself_running():
                    return False
                connection = await aiormq.connect(f"amqp://guest:guest@127.0.0.1:{port}/")
                await connection.close()
                return True
        except (OSError, TimeoutError, asyncio.IncompleteReadError, aiormq.exceptions.AMQPError):
            return False

    def _calls_itself_running(self) -> bool:
        """Whether the node has logged so: it takes connections before.

        Until then, RabbitMQ 3.12 to 4.1 drops what goes to a direct reply-to.
        """
        if isinstance(self._run, ContainerRun):
            return STARTED in self.log_tail(1000)
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return STARTED.encode() in log.read()

    async def _greets(self, port: int) -> bool:
        """Whether what listens there opens the AMQP handshake with our node's name.

        Another suite's node may have taken the port: then ours is about to give up.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"AMQP\x00\x00\x09\x01")
            header = await reader.readexactly(7)
            length = int.from_bytes(header[3:], "big")
            return self._token.encode() in await reader.readexactly(min(length, 65_536))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
