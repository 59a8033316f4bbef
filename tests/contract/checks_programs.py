"""The programs of the page, run as a reader would: each publishes its request, and prints the reply."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.site import Site

from bridge.page.contract import Contract
from bridge.page.programs import LANGUAGES, answered, program
from bridge.simulator.seeding import Seeding, plant

BROWSER = Path(__file__).parents[2] / "scripts" / "contract" / "browser"
BUILT_IN = 5
"""Operations of the contract, which come first: LCM's stand-in has contacts for their examples."""
JAVA = Path("/usr/share/java")
BOUND = 100
"""Seconds that a program may take, which takes a few."""

COMMANDS = {"python": (sys.executable, "ask.py"), "javascript": ("node", "ask.mjs")}
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (BROWSER / "node_modules" / ".set-up").exists(),
    reason="there is no Node, or its packages are not installed",
)
needs_java = pytest.mark.skipif(
    shutil.which("javac") is None or not (JAVA / "amqp-client.jar").exists(),
    reason="there is no Java, or no client (Debian: default-jdk-headless, librabbitmq-client-java)",
)


async def output(command: Sequence[str], folder: Path, url: str) -> str:
    """Run a program to its end and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "AMQP_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, complaints = await asyncio.wait_for(process.communicate(), BOUND)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert 0 == process.returncode, complaints.decode()
    return printed.decode()


def broker(site: Site) -> str:
    """Return where RabbitMQ is; a slash at the end would name an empty virtual host."""
    return site.url.removesuffix("/")


def assert_answered(printed: str, contract: Contract) -> None:
    """Hold that the first line says it worked, and the rest is a reply of the first operation's kind."""
    status, _, text = printed.partition("\n")
    reply: Any = json.loads(text)

    assert "ok" == status, reply
    assert {"channel", "topic", "subtopic", "message"} == set(reply)
    addresses = [route.reply for operation in contract.operations for route in operation.routes]
    assert [reply["channel"], reply["topic"], reply["subtopic"]] in addresses


@pytest.mark.parametrize("language", ["python", pytest.param("javascript", marks=needs_node)])
async def test_the_program_gets_a_reply(
    language: str, site: Site, contract: Contract, tmp_path: Path
) -> None:
    """In Python and in JavaScript: for each operation of the contract, nothing changed but the broker."""
    interpreter, name = COMMANDS[language]
    plant(site.simulator.state, Seeding())  # whoever ran before has skipped a contact
    (tmp_path / "node_modules").symlink_to(BROWSER / "node_modules")

    for operation in answered(contract)[:BUILT_IN]:
        (tmp_path / name).write_text(program(language, contract, operation), encoding="utf-8")
        printed = await output((interpreter, name), tmp_path, broker(site))
        assert_answered(printed, contract)


@needs_java
async def test_the_program_in_java_gets_a_reply(site: Site, contract: Contract, tmp_path: Path) -> None:
    """Compiled with the client that Debian has."""
    libraries = f".:{JAVA}/amqp-client.jar:{JAVA}/slf4j-api.jar:{JAVA}/slf4j-nop.jar"

    plant(site.simulator.state, Seeding())
    for operation in answered(contract)[:BUILT_IN:3]:
        (tmp_path / "Ask.java").write_text(program("java", contract, operation), encoding="utf-8")
        await output(("javac", "-cp", libraries, "Ask.java"), tmp_path, "")
        printed = await output(("java", "-cp", libraries, "Ask"), tmp_path, broker(site))
        assert_answered(printed, contract)


def test_the_languages_that_are_run_are_named() -> None:
    """The one in C# is not: there is no .NET in Debian."""
    assert {*COMMANDS, "java", "csharp"} == set(LANGUAGES)
