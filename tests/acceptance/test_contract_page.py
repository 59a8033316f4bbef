"""Every example of docs/contract.md, published to a running bridge."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.envelopes import comparable
from support.site import Site

PAGE = Path(__file__).parents[2] / "docs" / "contract.md"

# Examples stand in pairs: a request, and the reply to it.
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)]
EXAMPLES = list(pairwise(BLOCKS))[::2]


@pytest.mark.parametrize(("request_body", "reply_body"), EXAMPLES, ids=lambda body: body["subtopic"])
async def test_example_is_answered_as_the_page_says(
    site: Site, request_body: dict[str, Any], reply_body: dict[str, Any]
) -> None:
    """The example request gets the example reply, members in the same order."""
    reply = await site.widget.ask(request_body)

    assert comparable(reply_body) == comparable(reply.body)


def test_every_operation_has_an_example() -> None:
    """Each of the five operations is shown with its reply."""
    expected = {
        "GetReservedManualDialContact",
        "GetReservedContactOD",
        "SkipManualDialContact",
        "ManualDialCall",
        "CreateContact",
    }

    assert expected <= {request["subtopic"] for request, _ in EXAMPLES}
