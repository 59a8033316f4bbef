"""Every example of docs/client.md, run against a bridge in the order of the page."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from support.site import Site

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
URL = '"amqp://guest:guest@localhost/"'


async def test_the_examples_run(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """As in ``python -m asyncio``, with top-level await; the client stays open for all of them."""
    text = PAGE.read_text(encoding="utf-8")
    first, *others = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert URL in first
    url = site.settings["BRIDGE_AMQP__URL"]
    inner = "".join(f"\n    # ---\n{re.sub('(?m)^', '    ', other)}" for other in others)
    program = first.replace(URL, f'"{url}", prefix="{site.prefix}"') + inner
    names: dict[str, Any] = {}

    code = compile(program, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(code, names)  # noqa: S307 - our own page
    assert inspect.iscoroutine(running)
    await running

    assert 6 == names["key"].count("|")
    assert "2082097345" == names["contacts"][0]["PhoneNumber"]
    assert "Contact not found\n" in capsys.readouterr().out
