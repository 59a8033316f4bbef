"""A stand-in for LCM that costs next to nothing: `python -m bench.standin --port 0`.

`POST /<any base>/<Method>` is answered with `{"d": ...}` after a set latency: the reads with contacts that
bear the agent, CreateContact with a key that bears the number of the request, so that the load can tell
whose reply it got. The simulator (`bridge.simulator`) keeps real state and can be made to fail; it costs
more than what is measured, so it cannot stand here.

By hand on httptools and uvloop, with regular expressions in place of a JSON parser, because it shares the
machine with what it serves. Control, in JSON:

    POST /bench/settings  {"latency_ms": 20, "contacts": 1, "contact_bytes": 0}, each optional
    GET  /bench/stats     {"calls": {"<Method>": n}, "effects": n, "repeated_effects": n}
    POST /bench/reset     forgets the counts
"""

import argparse
import asyncio
import json
import re
import signal
import sys
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import Any, Final, cast

import httptools
import orjson
import uvloop

from bench.work import CAMPAIGN, created_key, manual_contact, od_contact

_AGENT: Final = re.compile(rb'"(?:UserID|AgentID)"\s*:\s*"([^"\\]+)"')
_NUMBER: Final = re.compile(rb"<Cvalue>([0-9]+)<")

# What IIS sends along, so that clients have headers to read as in production.
_HEAD: Final = (
    b"HTTP/1.1 %d %s\r\nCache-Control: private\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Server: Microsoft-IIS/10.0\r\nX-AspNet-Version: 4.0.30319\r\nX-Powered-By: ASP.NET\r\n"
    b"Content-Length: %d\r\n\r\n"
)
_REASONS: Final = {200: b"OK", 400: b"Bad Request", 404: b"Not Found"}


class Refused(Exception):
    """A request that cannot be answered: the status says how, the text why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Settings:
    """`latency_ms` before each answer of LCM, `contacts` in that of a read, bytes added to each contact."""

    latency_ms: float = 0
    contacts: int = 1
    contact_bytes: int = 0

    def changed(self, body: bytes) -> "Settings":
        """Return the settings with the members of a JSON object changed. Raises Refused."""
        try:
            changes = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Refused(400, f"not JSON: {error}") from error
        names = {field.name for field in fields(self)}
        if not isinstance(changes, dict) or not changes.keys() <= names:
            raise Refused(400, f"settings are an object with some of {sorted(names)}")
        for name, value in changes.items():
            kinds = (int, float) if name == "latency_ms" else (int,)
            if type(value) not in kinds or value < (name == "contacts"):
                raise Refused(400, f"{name} cannot be {value!r}")
        return replace(self, **changes)


class Answers:
    """What LCM answers, and the counts of what it was asked. Bytes in, bytes out, no I/O."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.repeated_effects = 0
        self._effects: set[bytes] = set()
        self._methods = {
            b"GetReservedContactOD": self._od,
            b"GetReservedManualDialContact": self._manual,
            b"CreateContact": self._create,
        }
        self.settings = Settings()
        self.apply(self.settings)

    def apply(self, settings: Settings) -> None:
        """Answer by these settings from now on."""
        self.settings = settings
        campaign = CAMPAIGN + "x" * settings.contact_bytes
        od = {"__type": "ContactOD:#Acqueon.LCM", **od_contact("{agent}", campaign)}
        manual = {"__type": "ManualDialContact:#Acqueon.LCM", **manual_contact("{agent}", campaign)}
        self._od_parts = _parts(od if settings.contacts == 1 else [od] * settings.contacts, b"{agent}")
        self._manual_parts = _parts([manual] * settings.contacts, b"{agent}")
        self._created_parts = _parts(created_key("{number}"), b"{number}")

    def call(self, method: bytes, body: bytes) -> bytes:
        """Carry out a call and return its answer's body. Raises Refused."""
        perform = self._methods.get(method)
        if perform is None:
            raise Refused(404, f"no method {method.decode(errors='replace')}")
        self.calls[method.decode()] += 1
        return perform(body)

    def stats(self) -> dict[str, Any]:
        """Return the counts since the start or the last `reset`."""
        effects = len(self._effects) + self.repeated_effects
        return {"calls": self.calls, "effects": effects, "repeated_effects": self.repeated_effects}

    def reset(self) -> None:
        """Forget the counts."""
        self.calls.clear()
        self._effects.clear()
        self.repeated_effects = 0

    def _od(self, body: bytes) -> bytes:
        return _found(_AGENT, body).join(self._od_parts)

    def _manual(self, body: bytes) -> bytes:
        return _found(_AGENT, body).join(self._manual_parts)

    def _create(self, body: bytes) -> bytes:
        number = _found(_NUMBER, body)
        if number in self._effects:
            self.repeated_effects += 1
        self._effects.add(number)
        return number.join(self._created_parts)


def _parts(result: object, key: bytes) -> list[bytes]:
    return orjson.dumps({"d": result}).split(key)


def _found(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    match = pattern.search(body)
    if match is None:
        raise Refused(400, f"{pattern.pattern.decode()} is not in the body")
    return match[1]


class Connection(asyncio.Protocol):
    """One keep-alive connection of a client, which sends its next request after the answer."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.WriteTransport | None = None
        self._path = b""
        self._body = b""
        self._later = asyncio.get_running_loop().call_later

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; called by the event loop."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Forget the connection; called by the event loop. How it ended is the client's business."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; called by the event loop."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            print(f"a request that cannot be taken: {error}", file=sys.stderr, flush=True)  # noqa: T201 - a program's output
            if self._transport is not None:
                self._transport.abort()

    def on_url(self, url: bytes) -> None:
        """Take (a piece of) the path; called by the parser."""
        self._path += url

    def on_body(self, body: bytes) -> None:
        """Take (a piece of) the body; called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer the request; called by the parser."""
        path, body = self._path, self._body
        self._path = self._body = b""
        latency = 0.0
        try:
            if path.startswith(b"/bench/"):
                answer = self._control(path, body)
            else:
                answer = self._answers.call(path.rpartition(b"/")[2], body)
                latency = self._answers.settings.latency_ms / 1000
            status = 200
        except Refused as refused:
            status, answer = refused.status, orjson.dumps({"error": str(refused)})
        whole = _HEAD % (status, _REASONS[status], len(answer)) + answer
        if latency:
            self._later(latency, self._send, whole)
        else:
            self._send(whole)

    def _control(self, path: bytes, body: bytes) -> bytes:
        answers = self._answers
        match (self._parser.get_method(), path):
            case (b"POST", b"/bench/settings"):
                answers.apply(answers.settings.changed(body))
                return orjson.dumps(answers.settings)
            case (b"GET", b"/bench/stats"):
                return orjson.dumps(answers.stats())
            case (b"POST", b"/bench/reset"):
                answers.reset()
                return orjson.dumps(answers.stats())
            case _:
                raise Refused(404, "see the settings, stats and reset under /bench/")

    def _send(self, whole: bytes) -> None:
        if self._transport is not None:  # the client may have gone meanwhile
            self._transport.write(whole)


async def serve(port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; `port` 0 takes a free one, which is printed as JSON."""
    loop = asyncio.get_running_loop()
    answers = Answers()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", port, backlog=4096)
    try:
        taken = server.sockets[0].getsockname()[1]
        print(json.dumps({"port": taken}), flush=True)  # noqa: T201 - a program's output
        await ended.wait()
    finally:
        server.close()


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m bench.standin", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
