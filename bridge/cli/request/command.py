"""``lcm-bridge request FILE|-``: send one envelope and print the correlated reply."""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from uuid import uuid4

import orjson

from bridge import logs
from bridge.configuration import load
from bridge.settings import Amqp, Log

HELP = "send an envelope from a file (or - for standard input) and print the correlated reply"

DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"

MOST_SECONDS = 24 * 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file and how long to wait."""
    parser.add_argument("file", metavar="FILE|-", help="file that holds the envelope; - for standard input")
    parser.add_argument("--timeout", type=_seconds, default=30.0, help="seconds to wait for the reply (30)")
    parser.add_argument("--key", help="idempotency key (default: none but a fresh message id)")
    parser.add_argument(
        "--headers", action="store_true", help="print the reply's headers too, on standard error"
    )


def _seconds(text: str) -> float:
    """Read a time to wait; it is the message's time to live too, which the broker bounds."""
    seconds = float(text)  # argparse makes wrong usage of the ValueError
    if not 0 < seconds <= MOST_SECONDS:  # false for nan too
        raise argparse.ArgumentTypeError(f"must be above 0 and at most {MOST_SECONDS} seconds")
    return seconds


def main(args: argparse.Namespace) -> int:
    """Return 0 for a success, 1 for a failure reply or none. Raises `bridge.configuration.BadSettings`."""
    settings = load().settings
    logs.configure(Log(level="ERROR", format="console"))
    try:
        body = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
    except OSError as error:
        sys.stderr.write(f"{args.file}: {error.strerror}\n")
        return 2
    return asyncio.run(_request(settings.amqp, body, args))


async def _request(settings: Amqp, body: bytes, args: argparse.Namespace) -> int:
    import aio_pika  # noqa: PLC0415 - other commands start without it

    from bridge.cli.broker import connect_to_any  # noqa: PLC0415

    started = time.monotonic()
    try:
        async with asyncio.timeout(args.timeout):
            # A little earlier than the request as a whole ends, to tell of every node.
            connection, _, _ = await connect_to_any(settings, args.timeout * 0.9)
            async with connection:
                channel = await connection.channel()
                replies: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue(maxsize=1)
                queue = await channel.get_queue(DIRECT_REPLY_TO, ensure=False)
                await queue.consume(replies.put, no_ack=True)
                exchange = await channel.get_exchange(settings.requests_exchange, ensure=False)
                started = time.monotonic()
                await exchange.publish(
                    aio_pika.Message(
                        body,
                        content_type="application/json",
                        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        correlation_id=uuid4().hex,
                        message_id=uuid4().hex,
                        reply_to=DIRECT_REPLY_TO,
                        timestamp=time.time(),
                        expiration=args.timeout,
                        headers={"idempotency-key": args.key} if args.key else {},
                    ),
                    routing_key=_routing_key(body),
                )
                reply = await replies.get()
    except TimeoutError:
        sys.stderr.write(f"no reply within {args.timeout:g} s; is a worker running? try: lcm-bridge check\n")
        return 1
    except (aio_pika.exceptions.AMQPError, OSError) as error:
        sys.stderr.write(f"RabbitMQ: {type(error).__name__}: {error}\n")
        return 1
    milliseconds = (time.monotonic() - started) * 1000
    if args.headers:
        sys.stderr.writelines(f"{name}: {value!s}\n" for name, value in sorted(reply.headers.items()))
    sys.stdout.write(orjson.dumps(orjson.loads(reply.body), option=orjson.OPT_INDENT_2).decode() + "\n")
    status = str(reply.headers.get("x-bridge-status"))
    sys.stderr.write(f"{status} in {milliseconds:.1f} ms\n")
    return 0 if status == "ok" else 1


def _routing_key(body: bytes) -> str:
    """Return ``<channel>.<topic>.<subtopic>``; what cannot be told is routed by the alternate exchange."""
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "unreadable"
    if not isinstance(envelope, dict):
        return "unreadable"
    words = [str(envelope.get(name, "")).strip() for name in ("channel", "topic", "subtopic")]
    return ".".join(words)[:255]
