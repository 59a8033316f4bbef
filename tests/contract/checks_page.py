"""The contract's page as a worker serves it, in Chromium: on a phone's screen and on a desk's."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from contract.corpus import Case
from support.site import Site

from bridge.page.contract import Contract
from bridge.page.programs import LANGUAGES, answered, program

BROWSER = Path(__file__).parents[2] / "scripts" / "contract" / "browser"
BOUND = 300
"""Seconds that a program may take, which takes much less."""

pytestmark = [
    pytest.mark.skipif(
        shutil.which("node") is None or not (BROWSER / "node_modules" / ".set-up").exists(),
        reason="there is no Node, or its packages are not installed",
    ),
    pytest.mark.timeout(BOUND),
]
needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")

SKIP = {"OutcomeId": 100, "UserID": "a", "AccountNumber": "1|2", "PhoneNumber": "1"}
ADDRESS = {"channel": "LCM", "topic": "WebService"}
CASES = {
    "accepted": Case(json.dumps({**ADDRESS, "subtopic": "skipmanualdialcontact", "data": SKIP}), {}),
    "with a key": Case(
        json.dumps({**ADDRESS, "subtopic": "SkipManualDialContact", "data": {**SKIP, "Foo": 1}}),
        {"replyTo": "mine", "idempotencyKey": "k"},
    ),
    "no JSON": Case('{\n\u00a0"channel": "LCM"}', {}),
    "no operation": Case(json.dumps({**ADDRESS, "subtopic": "SkipManualDial"}), {"replyTo": "mine"}),
    "wrong data": Case(json.dumps({**ADDRESS, "subtopic": "SkipManualDialContact", "data": {}}), {}),
    "a misspelt field": Case(
        json.dumps({**ADDRESS, "subtopic": "SkipManualDialContact", "data": {"OutcomId": 1}}), {}
    ),
    "many that nobody reads": Case(
        json.dumps(
            {
                **ADDRESS,
                "subtopic": "SkipManualDialContact",
                "data": SKIP | dict.fromkeys(map(str, range(5_000)), 0),
            }
        ),
        {},
    ),
    "a reply": Case(json.dumps({**ADDRESS, "subtopic": "X", "message": {}}), {}),
    "the bridge's queue": Case("{}", {"replyTo": "@QUEUE@"}),
}


@pytest.fixture(scope="module")
def seen(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Open the page in Chromium, once for all, and return what the browser tells."""
    cases = json.dumps(list(CASES.values())).replace("@QUEUE@", f"{site.prefix}.requests.agent")
    pictures = tmp_path_factory.mktemp("pictures")
    ended = subprocess.run(  # noqa: S603 - the project's own
        ["node", str(BROWSER / "browse.mjs"), f"{site.worker.admin_url}/docs", str(pictures)],  # noqa: S607 - wherever it is
        input=cases,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


async def test_the_worker_serves_the_page_under_its_policy(site: Site) -> None:
    """As HTML that no other page may frame; the same bytes each time."""
    async with aiohttp.ClientSession() as client:
        first, again = [await client.get(f"{site.worker.admin_url}/docs") for _ in range(2)]
        text = await first.text()

        assert 200 == first.status
        assert "text/html; charset=utf-8" == first.headers["Content-Type"]
        assert first.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'sha256-")
        assert first.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert f"{site.prefix}.requests" in text
        assert text == await again.text()


@needs_browser
def test_the_browser_asks_for_nothing_else_and_complains_of_nothing(seen: dict[str, Any], site: Site) -> None:
    """Every request is for the page itself, and the console stays empty, also under the policy."""
    assert {f"{site.worker.admin_url}/docs"} == set(seen["requests"])
    assert [] == seen["troubles"]


@needs_browser
@pytest.mark.parametrize("screen", ["phone light", "phone dark", "desktop light", "desktop dark"])
def test_it_fits_the_screen_and_can_be_read(seen: dict[str, Any], screen: str) -> None:
    """Nothing is wider than the screen, and axe finds nothing wrong: contrast, names, roles."""
    looks = seen["looks"][screen]

    assert {"wide": 0, "found": []} == looks["wide"]
    assert [] == looks["faults"]


@needs_browser
def test_light_and_dark_differ(seen: dict[str, Any]) -> None:
    """The page goes by what the reader's system prefers: dark on light, or light on dark."""
    (light_text, light_back), (dark_text, dark_back) = [
        [
            sum(map(int, re.findall(r"\d+", seen["looks"][f"phone {scheme}"][part])))
            for part in ("text", "back")
        ]
        for scheme in ("light", "dark")
    ]

    assert light_text < dark_back + 300 < light_back
    assert dark_back < light_text + 300 < dark_text


@needs_browser
def test_tabs_show_the_program_of_each_language(seen: dict[str, Any], contract: Contract) -> None:
    """By mouse and by arrow keys, for all operations at once; each is the same as without a script."""
    tabs = seen["tabs"]
    first = answered(contract)[0]

    assert {name: program(name, contract, first) for name in LANGUAGES} == tabs["programs"]
    assert ["javascript", "java", ["java"]] == [tabs["wrapped"], tabs["second"], tabs["chosen"]]
    assert {one.name: program("java", contract, one) for one in answered(contract)} == tabs["others"]


@needs_browser
def test_copy_buttons_copy(seen: dict[str, Any]) -> None:
    """Also where the browser gives no clipboard, as over plain HTTP."""
    for copied in seen["copies"]:
        assert copied["shown"] == copied["pasted"]
        assert "Copied" == copied["said"]


@needs_browser
def test_the_checker_tells_its_verdicts(seen: dict[str, Any]) -> None:
    """What an envelope is, what is wrong with it and what to do; from an example and from a button too."""
    told = dict(zip(CASES, seen["checks"]["verdicts"], strict=True))

    assert "Accepted: SkipManualDialContact" == told["accepted"]["line"]
    assert "without a key" in told["accepted"]["more"]
    assert "its key, the header idempotency-key" in told["with a key"]["more"]
    assert "Nobody reads data.Foo." in told["with a key"]["more"]
    assert "Refused: INVALID_ENVELOPE" == told["no JSON"]["line"]
    assert "line 2, column 1" in told["no JSON"]["more"]
    assert "Refused: UNKNOWN_OPERATION" == told["no operation"]["line"]
    assert "the nearest one is LCM/WebService/SkipManualDialContact" in told["no operation"]["more"]
    assert "Refused: INVALID_DATA (SkipManualDialContact)" == told["wrong data"]["line"]
    assert "data.AccountNumber is missing" in told["wrong data"]["more"]
    assert "correct the publisher" in told["wrong data"]["more"]
    assert "Nobody reads data.OutcomId." in told["a misspelt field"]["more"]
    assert "Accepted: SkipManualDialContact" == told["many that nobody reads"]["line"]
    assert "and 4980 more." in told["many that nobody reads"]["more"]
    assert len(told["many that nobody reads"]["more"]) < 1000
    assert "reply-as-request" in told["a reply"]["line"]
    assert "reply-to-refused" in told["the bridge's queue"]["line"]
    assert "Accepted: GetReservedManualDialContact" == seen["checks"]["example"] == seen["checks"]["button"]


@needs_browser
def test_the_keyboard_reaches_everything(seen: dict[str, Any], contract: Contract) -> None:
    """A link leads past the contents, and whatever has the focus is outlined."""
    keyboard = seen["keyboard"]
    labels = [one["label"] for one in keyboard["reached"]]

    assert ["Skip to the contract", "main"] == [keyboard["first"], keyboard["target"]]
    assert [] == [one for one in keyboard["reached"] if not one["outlined"]]
    assert {"envelope", "example", "AMQP properties", "code-shared-python"} <= set(labels)
    for operation in contract.operations:
        assert operation.name[:60] in labels
        assert f"Copy the request of {operation.name}" in labels
        assert f"Check the request of {operation.name} in the envelope checker" in labels


@needs_browser
def test_without_script_it_can_be_read(seen: dict[str, Any], contract: Contract) -> None:
    """Every operation and every program; what needs a script is not shown."""
    bare = seen["bare"]

    assert all(operation.name in bare["text"] for operation in contract.operations)
    assert len(LANGUAGES) == bare["programs"]
    assert not bare["checker"]
    assert "can be read without JavaScript" in bare["text"]
