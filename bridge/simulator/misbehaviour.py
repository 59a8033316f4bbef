"""Plays a fault over HTTP: wrong answers, half answers, cut connections."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from bridge.simulator.faults import Fault
from bridge.simulator.pauses import Dropped, Pauses
from bridge.simulator.wire import AnswerStyle, WireFault, html_page, write_answer, write_fault

JSON = "application/json; charset=utf-8"
# What IIS and ASP.NET put on each answer; clients must not stumble over it.
HEADERS = {"Cache-Control": "private", "Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET"}
CHUNK = b" " * 65_536


def json_answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Give a JSON answer with the headers that IIS adds."""
    return web.Response(
        status=status, body=body, headers=HEADERS | {"Content-Type": JSON} | dict(headers or {})
    )


def fault_answer(fault: WireFault) -> web.Response:
    """Give the answer of a WCF fault."""
    return json_answer(write_fault(fault), status=fault.status, headers={"jsonerror": "true"})


def page(status: int, title: str, detail: str, **headers: str) -> web.Response:
    """Give an HTML page as IIS or a load balancer does."""
    content = {"Content-Type": "text/html; charset=utf-8"}
    return web.Response(status=status, text=html_page(title, detail), headers=HEADERS | content | headers)


def cut(request: web.Request) -> None:
    """Cut the connection with a reset instead of an orderly end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Lingering for zero seconds makes the kernel send RST; abort() alone may send FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def play(request: web.Request, fault: Fault, body: bytes, pauses: Pauses) -> web.StreamResponse:
    """Answer as the fault says; `body` is what would have been answered. Raises Dropped to cut off."""
    if fault.kind in {"half", "drip", "huge"}:
        try:
            return await _stream(request, fault, body, pauses)
        except ConnectionError as error:
            raise Dropped from error
    answers = {
        "result": lambda: json_answer(write_answer(fault.result, AnswerStyle())),
        "fault": lambda: fault_answer(
            WireFault("System.InvalidOperationException", fault.message, status=fault.http_status)
        ),
        "html": lambda: page(fault.http_status, f"{fault.http_status} - {fault.message}", fault.message),
        "status": lambda: web.Response(status=fault.http_status, headers=HEADERS),
        "redirect": lambda: web.Response(
            status=fault.http_status, headers=HEADERS | {"Location": fault.location}
        ),
        "not_json": lambda: json_answer(b"<<this is not JSON>>"),
        "wrong_shape": lambda: json_answer(b'{"unexpected": {"shape": [1, 2, 3]}}'),
    }
    if fault.kind not in answers:  # reset
        raise Dropped
    return answers[fault.kind]()


async def _stream(request: web.Request, fault: Fault, body: bytes, pauses: Pauses) -> web.StreamResponse:
    response = web.StreamResponse(headers=HEADERS | {"Content-Type": JSON})
    response.content_length = fault.size_bytes if fault.kind == "huge" else len(body)
    if fault.kind == "huge":
        await response.prepare(request)
        left = fault.size_bytes
        while left > 0:
            await response.write(CHUNK[:left])
            left -= len(CHUNK)
            # write() gives way only when the socket is full: other calls must get their turn.
            await asyncio.sleep(0)
        return response
    await response.prepare(request)
    if fault.kind == "half":
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()  # flushes the half that was written
        return response
    for position in range(len(body)):
        await pauses.wait(fault.drip_ms / 1000)
        await response.write(body[position : position + 1])
    return response
