"""The arguments of ``lcm-bridge request``, and what is done with them."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from bridge import logs
from bridge.cli.arguments import number
from bridge.cli.completing import FILES, REQUESTS, completed
from bridge.cli.request.ending import Exit, exit_code, last_line, pretty
from bridge.cli.request.preview import preview
from bridge.cli.request.wanted import Asked, Setting, Wanted, WrongUsage, routing_key, wanted
from bridge.configuration import load
from bridge.declarations import limits
from bridge.messages import LONGEST_KEY
from bridge.settings import Settings

HELP = "send a request and print the correlated reply"

EPILOG = """An operation is told by its name or its request subtopic, in any case; a file that is called like
one is ./NAME. Exit code: 0 a success, 1 a failure, 2 wrong usage, 3 a failure that may be sent again, 4 the
outcome is unknown, 5 no reply came, 6 nothing was sent, 130 Ctrl-C."""

MOST_SECONDS = 24 * 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to send, how long to wait, and what to print."""
    parser.epilog = EPILOG
    what = parser.add_argument(
        "what",
        metavar="OPERATION|FILE|-",
        help="an operation, or a file with an envelope (-: standard input)",
    )
    completed(what, REQUESTS)
    making = parser.add_argument_group("the request")
    data = making.add_argument(
        "--data", metavar="FILE|-", help="of an operation: the object that is its data"
    )
    completed(data, FILES)
    making.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        dest="sets",
        metavar="NAME=VALUE",
        help="set a member of data; VALUE is JSON if it is such and the field takes it, else text",
    )
    making.add_argument("--source", type=_utf8, metavar="TEXT", help="the envelope's source")
    making.add_argument(
        "--route",
        metavar="WORD[/WORD...]",
        help="where the operation has several routes: words of the request's or the reply's address",
    )
    making.add_argument("--key", type=_key, help="idempotency key (default: none but a fresh message id)")
    # It is the message's time to live too, which AMQP counts in milliseconds, and the broker bounds.
    making.add_argument(
        "--timeout",
        type=number(0.001, MOST_SECONDS),
        default=30.0,
        metavar="SECONDS",
        help="how long to wait for the reply (30)",
    )
    instead = parser.add_argument_group("instead of sending it").add_mutually_exclusive_group()
    instead.add_argument(
        "--template", action="store_true", help="print an envelope with every field of the operation"
    )
    instead.add_argument("--data-template", action="store_true", help="print only the data of that")
    instead.add_argument("--dry-run", action="store_true", help="print what LCM would be told")
    parser.add_argument(
        "--headers", action="store_true", help="print the reply's headers too, on standard error"
    )


def _setting(text: str) -> Setting:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!a} is not NAME=VALUE")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{name!a} or its value is not UTF-8") from None
    return Setting(name.strip(), value)


def _key(text: str) -> str:
    """Read an idempotency key; an empty one would be none, and a repetition a second request."""
    if not 0 < len(text) <= LONGEST_KEY:
        raise argparse.ArgumentTypeError(f"must have 1 to {LONGEST_KEY} characters, not {len(text)}")
    return _utf8(text)


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("is not UTF-8") from None
    return text


def main(args: argparse.Namespace) -> int:
    """Return how it ended, as `Exit` says. Raises `bridge.configuration.BadSettings`."""
    loaded = load()
    settings, known = loaded.settings, loaded.catalogue
    logs.configure_for_a_command()
    most = limits(settings)
    asked = Asked(
        what=args.what,
        read=_read,
        data=args.data,
        sets=args.sets,
        source=args.source,
        route=args.route,
        template=args.template or args.data_template,
    )
    try:
        request = wanted(asked, known, most)
    except (WrongUsage, OSError) as error:
        problem = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"{problem}\n")
        return Exit.WRONG_USAGE
    if asked.template:
        envelope = json.loads(request.body)
        sys.stdout.write(pretty(envelope["data"] if args.data_template else envelope))
        return Exit.SUCCESS
    sys.stderr.writelines(f"ignored: {remark}\n" for remark in request.ignored)
    told, code = preview(request.body, known, most, settings.lcm.methods)
    if args.dry_run:
        sys.stdout.write(pretty(told))
        return code
    if not request.answered and code != Exit.SUCCESS:
        sys.stdout.write(pretty(told))
        sys.stderr.write("not sent: nobody would be told of this, it would be a dead letter\n")
        return Exit.WRONG_USAGE
    return _send(settings, request, args)


def _send(settings: Settings, request: Wanted, args: argparse.Namespace) -> int:
    from bridge.cli.request.sending import NoReply, NotSent, Sending  # noqa: PLC0415 - the rest does without

    sending = Sending(settings.amqp, answered=request.answered, key=args.key)
    try:
        sent = asyncio.run(sending.send(request.body, routing_key(request.body), args.timeout))
    except NotSent as error:
        sys.stderr.write(f"not sent: {error}\n")
        return Exit.NOT_SENT
    except NoReply as error:
        sys.stderr.write(f"{error}\n")
        return Exit.NO_REPLY
    except KeyboardInterrupt:
        sys.stderr.write(f"{sending.interrupted()}\n")
        return Exit.INTERRUPTED
    code = Exit.SUCCESS
    if sent.body is not None and sent.headers is not None:
        reply = json.loads(sent.body)
        code = exit_code(reply, sent.headers)
        if args.headers:
            sys.stderr.writelines(f"{name}: {value!s}\n" for name, value in sorted(sent.headers.items()))
        sys.stdout.write(pretty(reply))
    name = "" if request.operation is None else request.operation.name
    sys.stderr.write(f"{last_line(sent, name, sending.ids())}\n")
    return code


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
