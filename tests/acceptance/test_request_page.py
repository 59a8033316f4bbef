"""Every command of docs/request.md, run against a bridge: it prints what the page shows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from support.command import run_command
from support.site import Site

PAGE = Path(__file__).parents[2] / "docs" / "request.md"
VARYING = ((r"\d+\.\d ms", "0.0 ms"), (r'"\d+(\|[^|"]*){6}"', '"an LCM key"'))


def commands() -> Iterator[tuple[list[str], str]]:
    """Return the words of each command of the page, and what it prints below."""
    for block in re.findall(
        r"(?m)^    \$ lcm-bridge (.*(?:\n    (?!\$).*)*)", PAGE.read_text(encoding="utf-8")
    ):
        command, *shown = block.splitlines()
        yield shlex.split(command), "".join(f"{line[4:]}\n" for line in shown)


def comparable(text: str) -> str:
    """Return what is printed with what differs from run to run replaced."""
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text)
    return text


async def test_each_command_prints_what_the_page_shows(site: Site, tmp_path: Path) -> None:
    """One after the other, in one folder, where ``>`` writes a file."""
    found = list(commands())
    for words, shown in found:
        arguments, file = (words[:-2], words[-1]) if ">" in words else (words, None)
        ended = await run_command(*arguments, folder=tmp_path, settings=site.settings)
        if file is not None:
            (tmp_path / file).write_text(ended.output)
            ended = type(ended)(ended.code, "", ended.errors)
        assert comparable(shown) == comparable(ended.output + ended.errors), words

    assert 5 == len(found)
