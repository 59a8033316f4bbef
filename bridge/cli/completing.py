"""How arguments are completed by a shell: `bridge.cli.completion` makes the shells' scripts of it."""

import argparse
from typing import Final

Completer = dict[str, str | dict[str, str]]
"""What completes an argument, by shell, in shtab's form; ``preamble`` is what that needs of the script."""

_LIST = "lcm-bridge operations list --names"


def _names(function: str, command: str, *, files: bool) -> Completer:
    """Complete the names that a command prints when the key is pressed, and files too.

    The shell's own prefix is given to the command's output; its errors would be written over the line.
    """
    return {
        "bash": function,
        "zsh": function,
        "fish": f"({command} 2>/dev/null{'; __fish_complete_path (commandline -ct)' if files else ''})",
        "preamble": {
            "bash": f"""\
{function}() {{
  compgen -W "$({command} 2>/dev/null)" -- "$1"
  {"compgen -f -- " + '"$1"' if files else ":"}
}}""",
            "zsh": f"""\
{function}() {{
  local -a names
  names=(${{(f)"$({command} 2>/dev/null)"}})
  compadd -a names
  {"_files" if files else ":"}
}}""",
        },
    }


FILES: Final[Completer] = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
}
DIRECTORIES: Final[Completer] = {
    "bash": "_shtab_compgen_dirs",
    "zsh": "_files -/",
    "fish": "(__fish_complete_directories)",
}
REQUESTS: Final = _names("_lcm_bridge_requests", _LIST, files=True)
OPERATIONS: Final = _names("_lcm_bridge_operations", f"{_LIST} --all", files=False)


def completed(argument: argparse.Action, completer: Completer) -> None:
    """Say how an argument is completed."""
    argument.complete = completer  # type: ignore[attr-defined]  # where shtab looks for it
