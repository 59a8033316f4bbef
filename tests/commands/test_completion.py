"""``lcm-bridge completion``: what a shell offers when the key is pressed."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest
from support.command import run_program

from bridge.cli import COMMANDS, main
from bridge.cli.completion import SHELLS

BASH = """
source "$1"
function="$(complete -p lcm-bridge)"
function="${function##*-F }"
while read -r line; do
  IFS='|' read -r -a COMP_WORDS <<<"$line"
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  "${function%% *}"
  echo "${COMPREPLY[*]}"
done
"""
"""Completes the last word of each line of standard input, in which `|` parts the words."""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
async def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, options, files, and the operations that the settings make when the key is pressed."""
    assert 0 == main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "campaign.json").touch()
    program = tmp_path / "lcm-bridge"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bridge "$@"\n')
    program.chmod(0o755)
    expected = {
        "lcm-bridge|req": "request",
        "lcm-bridge|request|--da": "--data --data-template",
        "lcm-bridge|request|SetD": "SetDNC",
        "lcm-bridge|request|CreateContact|--data|cam": "campaign.json",
        "lcm-bridge|operations|sh": "show",
        "lcm-bridge|completion|b": "bash",
    }
    ended = await asyncio.wait_for(
        run_program(
            *("bash", "--norc", "--noprofile", "-c", BASH, "bash", "script"),
            given="".join(f"{line}\n" for line in expected).encode(),
            environment=os.environ
            | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BRIDGE_OPERATIONS__SIBLINGS": '["SetDNC"]'},
            folder=tmp_path,
        ),
        40,
    )

    assert [*expected.values()] == ended.output.splitlines(), ended.errors


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With every command, and with names that are asked for when the key is pressed."""
    assert 0 == main(["completion", shell])
    script = capsys.readouterr().out

    assert [] == [name for name in COMMANDS if name not in script]
    assert "lcm-bridge operations list --names 2>/dev/null" in script
