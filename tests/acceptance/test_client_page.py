"""Every example of docs/client.md, run against a bridge in the order of the page."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from support.envelopes import add_contact
from support.site import Site, name_of_letters

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
SKIPPED, PHONES = "49|3|279|0|0|44|1253", ("2025550100", "1234567890")
URL = '"amqp://guest:guest@localhost/"'


async def test_the_examples_run(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """As in ``python -m asyncio``, with top-level await; the client stays open for all of them."""
    # The page's agents and contacts are the samples', which other tests of the site ask for.
    agent = name_of_letters()
    kept, skipped = (add_contact(site.simulator, agent, PhoneNumber=phone) for phone in PHONES)
    add_contact(site.simulator, agent, kind="od")
    text = PAGE.read_text(encoding="utf-8")
    for theirs, ours in (("testagent@domain.com", agent), ("testagent", agent), (SKIPPED, skipped)):
        assert theirs in text
        text = text.replace(theirs, ours)
    first, *others = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert URL in first
    url = site.url
    inner = "".join(f"\n    # ---\n{re.sub('(?m)^', '    ', other)}" for other in others)
    program = first.replace(URL, f'"{url}", prefix="{site.prefix}"') + inner
    names: dict[str, Any] = {}

    code = compile(program, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(code, names)  # noqa: S307 - our own page
    assert inspect.iscoroutine(running)
    await running

    assert 6 == names["key"].count("|")
    assert [kept] == [contact["AccountNumber"] for contact in names["contacts"]]
    assert "Contact not found\n" in capsys.readouterr().out
