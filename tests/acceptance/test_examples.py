"""The programs of examples/, as they stand there."""

import asyncio
import io
import os
import sys
import token
import tokenize
from pathlib import Path

import pytest
from support.command import Ended, run_program
from support.site import Site

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 30
PROGRAMS = sorted([*EXAMPLES.glob("python/*.py"), *EXAMPLES.glob("node/*.mjs")])


def lines_of_code(program: Path) -> int:
    """Count the lines that are neither blank nor comments nor docstrings."""
    text = program.read_text(encoding="utf-8")
    if program.suffix != ".py":
        stripped = [line.strip() for line in text.splitlines()]
        return sum(bool(line) and not line.startswith("//") for line in stripped)
    found: set[int] = set()
    silent = {token.NEWLINE, token.INDENT, token.DEDENT, token.ENDMARKER, tokenize.NL, tokenize.COMMENT}
    before = token.NEWLINE
    for one in tokenize.generate_tokens(io.StringIO(text).readline):
        if one.type not in silent and not (
            one.type == token.STRING and before in {token.NEWLINE, token.INDENT, tokenize.NL}
        ):
            found.update(range(one.start[0], one.end[0] + 1))
        before = one.type
    return len(found)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_an_example_is_short(program: Path) -> None:
    """A reply takes at most 30 lines of code."""
    assert lines_of_code(program) <= MOST_LINES


async def test_each_python_example_gets_its_reply(site: Site) -> None:
    """Run beside a bridge, each prints what came back; where there is no bridge, that it finds none."""

    async def run(name: str, prefix: str = site.prefix) -> Ended:
        environment = {
            **os.environ,
            "PYTHONPATH": str(EXAMPLES.parent),
            "AMQP_URL": site.url,
            "LCM_PREFIX": prefix,
        }
        return await run_program(
            sys.executable, str(EXAMPLES / "python" / name), environment=environment, folder=EXAMPLES.parent
        )

    bare, with_client, lost = await asyncio.gather(
        run("bare.py"), run("with_client.py"), run("bare.py", "nowhere")
    )

    assert (0, "") == (bare.code, bare.errors)
    assert bare.output.startswith("ok {'channel': ")
    assert (0, "") == (with_client.code, with_client.errors)
    assert with_client.output.startswith("created ")
    assert 1 == lost.code
    assert "LCM_PREFIX" in lost.errors
    assert "Traceback" not in lost.errors
