"""A TCP relay whose connections can be cut, held back and closed by halves."""

import asyncio
import random
import socket
import struct
from contextlib import suppress
from typing import Literal

_CHUNK = 65_536


class _Relayed:
    """One connection through the relay: the caller's side, and the server's."""

    def __init__(self, caller: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.caller = caller
        self.server = server
        self.deaf = False
        """Whether what the server says is swallowed."""

    def cut(self) -> None:
        """Reset both sides."""
        for writer in (self.caller, self.server):
            connection: socket.socket | None = writer.get_extra_info("socket")
            if connection is not None and connection.fileno() >= 0:
                # Lingering for zero seconds makes the kernel send RST instead of FIN.
                with suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def close_half(self) -> None:
        """Tell the caller that nothing more will come, and go on passing on what it says."""
        self.deaf = True
        with suppress(OSError, RuntimeError):
            self.caller.write_eof()


class Proxy:
    """Relays connections to 127.0.0.1:``target``, which may be changed for later connections."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._relayed: set[_Relayed] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1. Raises RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("the proxy has not been started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """How many connections are relayed."""
        return len(self._relayed)

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Stop listening and cut everything."""
        if self._server is not None:
            self._server.close()
        self.flow()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self, share: float = 1.0, rng: random.Random | None = None) -> int:
        """Reset a share of the connections, and return how many."""
        chosen = self._choose(share, rng)
        for one in chosen:
            one.cut()
        return len(chosen)

    def close_halves(self, share: float, rng: random.Random) -> int:
        """Close the direction to the caller of a share of the connections, and return how many."""
        chosen = self._choose(share, rng)
        for one in chosen:
            one.close_half()
        return len(chosen)

    def stall(self) -> None:
        """Pass nothing on, in neither direction; new connections are taken and left waiting."""
        self._flowing.clear()

    def flow(self) -> None:
        """Go on after `stall`."""
        self._flowing.set()

    def _choose(self, share: float, rng: random.Random | None) -> list[_Relayed]:
        everything = list(self._relayed)
        if rng is None or share >= 1:
            return everything
        return rng.sample(everything, min(len(everything), max(1, round(share * len(everything)))))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the task is the server's own: nobody waits for its end but `stop`
        finally:
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        upstream, server = await asyncio.open_connection("127.0.0.1", self.target)
        relayed = _Relayed(writer, server)
        self._relayed.add(relayed)
        try:
            # The end of one direction is the end of both: neither AMQP nor RESP knows half connections.
            pumps = [
                asyncio.create_task(self._pump(reader, relayed, "server")),
                asyncio.create_task(self._pump(upstream, relayed, "caller")),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._relayed.discard(relayed)
            server.close()

    async def _pump(
        self, source: asyncio.StreamReader, relayed: _Relayed, towards: Literal["server", "caller"]
    ) -> None:
        writer = relayed.server if towards == "server" else relayed.caller
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if not self._flowing.is_set():
                    await self._flowing.wait()
                if towards == "caller" and relayed.deaf:
                    continue
                writer.write(data)
                await writer.drain()
