"""``lcm-bridge simulator``: run the stand-in for the LCM WebService."""

import argparse
import asyncio
import signal
import ssl
import sys
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from bridge.cli.arguments import number, whole
from bridge.cli.completing import DIRECTORIES, FILES, completed
from bridge.declarations import read_directory
from bridge.exitcodes import DONE, FAILED, WRONG_USAGE
from bridge.operations.declared.reading import BadDeclaration
from bridge.operations.shipped import siblings
from bridge.simulator.declared import with_declared
from bridge.simulator.faults import Fault
from bridge.simulator.methods import METHODS, WIRE_NAMES, NoContact, SkipRefusal
from bridge.simulator.options import BASE_PATH, Options, Tls
from bridge.simulator.protection import Protection
from bridge.simulator.seeding import Seeding, numbered_agents
from bridge.simulator.server import Simulator
from bridge.simulator.state import LimitReached
from bridge.simulator.wire import AnswerStyle, MemberCase, Quotas

HELP = "run a stand-in for the LCM WebService"

_PORT = whole(0, 65_535)
_COUNT, _SIZE = whole(0, 1_000_000_000), whole(1, 1_000_000_000)
_WAIT, _SPAN, _RATE = number(0, 3_600_000), number(0.001, 1_000_000_000), number(0, 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options; docs/simulator.md explains them."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=_PORT, default=8090, help="port, 0 picks one (default %(default)s)")
    parser.add_argument("--base-path", default=BASE_PATH, help="path shown in the base URL; any is answered")
    _add_data(parser.add_argument_group("data"))
    _add_behaviour(parser.add_argument_group("behaviour"))
    _add_protection(parser.add_argument_group("protection"))


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT (gives 0).

    Gives 1 when the address or a certificate cannot be used, 2 when options do not go together.
    """
    if problem := _alone(args):
        sys.stderr.write(f"lcm-bridge simulator: {problem}\n")
        return WRONG_USAGE
    try:
        declared = read_directory(args.operations, "--operations") if args.operations else []
        simulator = Simulator(with_declared(_options(args), [*siblings(), *declared]))
    except BadDeclaration as bad:
        sys.stderr.writelines(f"lcm-bridge simulator: {fault}\n" for fault in bad.faults)
        return WRONG_USAGE
    except LimitReached as error:
        sys.stderr.write(f"lcm-bridge simulator: {error}: lower --agents, or what each of them has\n")
        return WRONG_USAGE
    return asyncio.run(_run(simulator, args.host, args.port))


def _alone(args: argparse.Namespace) -> str:
    """Return what is wrong with options that do nothing alone; empty if nothing is."""
    if (args.tls_cert is None) != (args.tls_key is None):
        return "--tls-cert and --tls-key go together"
    if args.tls_client_ca and not args.tls_cert:
        return "--tls-client-ca needs --tls-cert and --tls-key"
    if args.basic_password and args.basic_user is None:
        return "--basic-password needs --basic-user"
    return ""


async def _run(simulator: Simulator, host: str, port: int) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, stopping.set)
    try:
        await simulator.start(host, port)
    except ssl.SSLError as error:
        sys.stderr.write(f"lcm-bridge simulator: --tls-cert, --tls-key or --tls-client-ca: {error}\n")
        return FAILED
    except OSError as error:
        sys.stderr.write(f"lcm-bridge simulator: cannot listen on {host}:{port}: {error}\n")
        return FAILED
    sys.stdout.write(f"LCM simulator: base {simulator.base_url} control {simulator.control_url}\n")
    sys.stdout.flush()
    await stopping.wait()
    await simulator.stop()
    return DONE


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=whole(0, 2**63), default=1, help="seed of the data and of the faults")
    group.add_argument(
        "--agents", type=whole(0, 100_000), default=20, metavar="N", help="agents agent1..agentN, logged in"
    )
    group.add_argument("--reserved-per-agent", type=_COUNT, default=2, metavar="N", help="of each consent")
    group.add_argument(
        "--open-per-agent", type=_COUNT, default=5, metavar="N", help="of each consent, shared"
    )
    group.add_argument("--od-per-agent", type=_COUNT, default=2, metavar="N", help="OD contacts")
    group.add_argument("--empty", action="store_true", help="start without any data")
    group.add_argument("--sample-dates", action="store_true", help="samples keep their dates, long past")
    group.add_argument("--timezone", type=_zone, default="UTC", help="IANA zone of all dates (default UTC)")
    group.add_argument(
        "--reservation-seconds",
        type=_SPAN,
        default=28_800,
        metavar="S",
        help="(default %(default)s)",
    )


def _add_behaviour(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--latency-ms", type=_WAIT, default=0, metavar="MS", help="wait of every call")
    group.add_argument("--jitter-ms", type=_WAIT, default=0, metavar="MS", help="up to this much more")
    group.add_argument("--error-rate", type=_RATE, default=0, metavar="0..1", help="share of WCF faults")
    group.add_argument(
        "--method",
        type=_method,
        action="append",
        default=[],
        metavar="WIRE=OPERATION",
        help=f"an operation answers by this name instead of its own; again for more ({', '.join(METHODS)})",
    )
    declared = group.add_argument(
        "--operations",
        type=Path,
        metavar="DIR",
        help="answer the operations declared there by their examples",
    )
    completed(declared, DIRECTORIES)
    group.add_argument("--no-contact", choices=get_args(NoContact), default="null", help="d without contacts")
    group.add_argument(
        "--skip-refusal", choices=get_args(SkipRefusal), default="false", help="a refused skip"
    )
    group.add_argument("--result-as-text", action="store_true", help="results are JSON inside a string")
    group.add_argument("--unknown-members", action="store_true", help="objects carry unknown members")
    group.add_argument("--member-case", choices=get_args(MemberCase), default="as-is", help="letter case")
    group.add_argument("--blank-hour", action="store_true", help="pad the hour of OD dates with a blank")
    group.add_argument("--message-bytes", type=_SIZE, default=65_536, metavar="N", help="413 beyond")
    group.add_argument("--string-characters", type=_SIZE, default=8_192, metavar="N", help="fault beyond")
    group.add_argument(
        "--honour-idempotency-key", action="store_true", help="replay the first answer (LCM does not)"
    )
    group.add_argument(
        "--max-effects", type=_COUNT, default=1_000_000, metavar="N", help="calls fault beyond"
    )


def _add_protection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--basic-user", help="ask for basic authentication (401)")
    group.add_argument("--basic-password", default="", help="seen by all users of this machine: test values")
    group.add_argument("--bearer-token", help="ask for a bearer token (401)")
    group.add_argument("--require-header", type=_pair, metavar="NAME=VALUE", help="ask for a header (403)")
    for name, about in (
        ("--tls-cert", "listen with TLS; needs --tls-key"),
        ("--tls-key", "the certificate's key"),
        ("--tls-client-ca", "ask for client certificates"),
    ):
        completed(group.add_argument(name, type=_file, metavar="FILE", help=about), FILES)


def _options(args: argparse.Namespace) -> Options:
    seeding = Seeding(
        seed=args.seed,
        agents=numbered_agents(args.agents),
        reserved_per_agent=args.reserved_per_agent,
        open_per_agent=args.open_per_agent,
        od_per_agent=args.od_per_agent,
        sample_dates=args.sample_dates,
    )
    return Options(
        seeding=None if args.empty else seeding,
        timezone=args.timezone,
        reservation_seconds=args.reservation_seconds,
        blank_hour=args.blank_hour,
        no_contact=args.no_contact,
        skip_refusal=args.skip_refusal,
        style=AnswerStyle(
            result_as_text=args.result_as_text,
            unknown_members=args.unknown_members,
            member_case=args.member_case,
        ),
        quotas=Quotas(message_bytes=args.message_bytes, string_characters=args.string_characters),
        methods=_methods(args.method),
        base_path="/" + args.base_path.strip("/"),
        protection=Protection(
            basic_user=args.basic_user,
            basic_password=args.basic_password,
            bearer_token=args.bearer_token,
            header=args.require_header,
        ),
        tls=Tls(cert=args.tls_cert, key=args.tls_key, client_ca=args.tls_client_ca)
        if args.tls_cert
        else None,
        faults=_faults(args),
        fault_seed=args.seed,
        honour_idempotency_key=args.honour_idempotency_key,
        max_effects=args.max_effects,
    )


def _faults(args: argparse.Namespace) -> tuple[Fault, ...]:
    if not (args.latency_ms or args.jitter_ms or args.error_rate):
        return ()
    fault = Fault(
        kind="fault" if args.error_rate else "none",
        latency_ms=args.latency_ms,
        jitter_ms=args.jitter_ms,
        error_rate=args.error_rate,
    )
    return (fault,)


def _methods(renamed: list[tuple[str, str]]) -> dict[str, str]:
    operations = {operation for _, operation in renamed}
    kept = {wire: operation for wire, operation in WIRE_NAMES.items() if operation not in operations}
    return kept | dict(renamed)


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no IANA time zone") from error
    return text


def _file(text: str) -> Path:
    try:
        with Path(text).open("rb"):
            return Path(text)
    except OSError as error:  # what loads certificates does not say which of them is not there
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from error


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (found and name and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _method(text: str) -> tuple[str, str]:
    wire, operation = _pair(text)
    if operation not in METHODS:
        raise argparse.ArgumentTypeError(f"{operation!r} is none of {', '.join(METHODS)}")
    return wire, operation
