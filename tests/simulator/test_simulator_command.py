"""The command: one line when ready, a clean end, one line when the port is taken."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from simulator.simulator_calls import simulated

from bridge.cli import simulator as command
from bridge.declarations import read_directory
from bridge.simulator.declared import with_declared
from bridge.simulator.methods import METHODS
from bridge.simulator.options import Options

PROGRAM = (
    "import argparse, sys; from bridge.cli import simulator as s; p = argparse.ArgumentParser(); "
    "s.add_arguments(p); sys.exit(s.main(p.parse_args()))"
)


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_its_help_names_the_operations_that_may_be_renamed() -> None:
    """As they are called, not as the code that lists them."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)

    assert f"({', '.join(METHODS)})" in " ".join(parser.format_help().split())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_runs_until_a_signal(number: signal.Signals) -> None:
    """It prints its URLs, answers, and ends with exit code 0 on SIGTERM and SIGINT."""
    process = await _start("--port", "0", "--method", "OD=GetReservedContactOD")
    assert process.stdout is not None
    words = (await process.stdout.readline()).decode().split()
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{words[3]}/OD", json={"UserID": "testagent"}) as answer,
        http.get(f"{words[5]}/state") as state,
    ):
        statuses = (answer.status, state.status)
    process.send_signal(number)
    output, errors = await process.communicate()

    assert (200, 200) == statuses
    assert (0, b"", b"") == (process.returncode, output, errors)


async def test_a_taken_port_is_one_line() -> None:
    """A port that is in use is said in one line, with exit code 1."""
    async with simulated() as lcm:
        port = lcm.simulator.base_url.split(":")[2].split("/")[0]
        process = await _start("--port", port)
        output, errors = await process.communicate()

    assert (1, b"") == (process.returncode, output)
    assert 1 == errors.count(b"\n")
    assert f"cannot listen on 127.0.0.1:{port}".encode() in errors


@pytest.mark.parametrize(
    "arguments",
    [
        ["--timezone", "Mars/Olympus"],
        ["--error-rate", "2"],
        ["--method", "A=Nothing"],
        ["--require-header", "X"],
        ["--tls-cert", "cert.pem"],
        ["--operations", "no-such-directory"],
        ["--tls-client-ca", __file__],
        ["--tls-cert", "no-such-file", "--tls-key", __file__],
        ["--basic-password", "secret"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--agents", "-1"],
        ["--agents", "many"],
        ["--agents", "100000"],
        ["--latency-ms", "nan"],
        ["--reservation-seconds", "1e300"],
    ],
)
def test_wrong_options_are_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Impossible options end with exit code 2, and with a line that names the option."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    try:
        code = command.main(parser.parse_args(arguments))
    except SystemExit as error:
        code = int(error.code or 0)

    assert 2 == code
    assert arguments[0] in capsys.readouterr().err.splitlines()[-1]


async def test_operations_are_read_whatever_the_limits_of_a_site(tmp_path: Path) -> None:
    """The simulator knows no site: what a bridge with a higher limit takes, it answers."""
    declared = """
        name = "ManyContacts"
        about = "Takes more than the default limit."
        side_effect = false
        routes = [{ subtopic = "ManyContacts", reply = "ManyContactsResult" }]
        [data]
        Count = { type = "integer", least = 150, most = "limits.contacts" }
        [reply]
        shape = "array"
        [example]
        data = '{"Count": 150}'
        call = '{"Count": 150}'
        result = '[]'
        message = '{"response": []}'
    """
    (tmp_path / "many.toml").write_text(declared)
    options = with_declared(Options(), read_directory(tmp_path))

    assert "ManyContacts" in options.methods


async def test_it_stands_alone() -> None:
    """The package imports nothing of the bridge but itself, so that a site can run it apart."""
    program = "import sys, bridge.simulator; print(*(m for m in sys.modules if m.startswith('bridge.')))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    names = output.decode().split()
    assert [] == [name for name in names if not name.startswith("bridge.simulator")]
    assert "bridge.simulator.server" in names
