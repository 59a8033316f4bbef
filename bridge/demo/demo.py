"""Plays every scene against a real bridge between real servers, and says whether all went as expected."""

import asyncio
import json
import logging
import shlex
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from aiormq.exceptions import AMQPError

from bridge.demo import samples
from bridge.demo.display import Display, Result
from bridge.demo.requester import Requester
from bridge.demo.scene import Control
from bridge.demo.scenes import CHAPTERS
from bridge.demo.stage import Stage, StageFailed, set_stage
from bridge.demo.verdict import faults_of
from bridge.exitcodes import DONE, FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says. Empty URLs mean private servers; `fault` is a kind of the simulator's."""

    keep: bool = False
    amqp_url: str = ""
    redis_url: str = ""
    fault: str = ""


def run(options: Options) -> int:
    """Play the demonstration and return its exit code: 0 when every answer was as expected, else 1."""
    for library in ("aio_pika", "aiormq"):
        # What they would print is shown as this command's own error.
        logging.getLogger(library).addHandler(logging.NullHandler())
    display = Display()
    try:
        return asyncio.run(_run(options, display))
    except KeyboardInterrupt:
        display.say("Interrupted.", style="bold")
        return FAILED


async def _run(options: Options, display: Display) -> int:
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("not called by a task")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with AsyncExitStack() as stack:
            stage = await set_stage(stack, display, options.amqp_url, options.redis_url)
            code = await _play(stage, display, options)
            if options.keep:
                code = await _keep(stage, display, code)
            # Leaving the block takes down everything, the bridge first.
            display.say("\nStopping ...")
    except (RuntimeError, OSError, TimeoutError, AMQPError, aiohttp.ClientError) as error:
        # What did not start, and what went away while it was needed: a broker, the simulator.
        display.say(f"\nThe demonstration failed: {error or type(error).__name__}", style="red")
        return FAILED
    except asyncio.CancelledError:
        display.say("\nInterrupted; everything was stopped.", style="bold")
        return FAILED
    return code


async def _play(stage: Stage, display: Display, options: Options) -> int:
    try:
        results = await _play_scenes(stage, display, options)
    except BaseException:
        # Ctrl-C as well: the log is gone with its folder.
        _show_bridge_log(stage, display)
        raise
    display.summary(results)
    if any(result.faults for result in results):
        _show_bridge_log(stage, display)
        return FAILED
    return DONE


async def _play_scenes(stage: Stage, display: Display, options: Options) -> list[Result]:
    requester = await Requester.connect(stage.amqp_url, stage.prefix, stage.control_url)
    try:
        if options.fault:
            said = f"LCM misbehaves from the start: {options.fault}"
            await requester.control(
                Control(method="PUT", path="faults", body={"kind": options.fault}, said=said)
            )
            display.say(said, style="magenta")
        results: list[Result] = []
        for chapter in CHAPTERS:
            display.chapter(chapter.title)
            for scene in chapter.scenes:
                number = len(results) + 1
                display.request(number, scene)
                outcome = await requester.play(scene)
                result = display.outcome(scene, outcome, faults_of(scene, outcome))
                results.append(replace(result, number=number))
                if not stage.bridge.running:
                    raise StageFailed(f"the bridge ended with code {stage.bridge.exit_code}")
        return results
    finally:
        await requester.close()


async def _keep(stage: Stage, display: Display, code: int) -> int:
    """Leave everything running until Ctrl-C, which is the wished end here."""
    example = stage.folder / "request.json"
    example.write_text(json.dumps(json.loads(samples.get_reserved()), indent=2) + "\n")
    installed = Path(sys.executable).with_name("lcm-bridge")  # on the PATH only where that was set up
    command = shlex.quote(str(installed)) if installed.exists() else "lcm-bridge"
    # With a slash at the end some clients take the empty virtual host, others the default one: see
    # https://www.rabbitmq.com/docs/uri-spec.
    amqp_url = stage.amqp_url.rstrip("/")
    settings = f"BRIDGE_AMQP__URL={amqp_url} BRIDGE_AMQP__PREFIX={stage.prefix}"
    display.say("\nEverything is left running until Ctrl-C.", style="bold")
    for name, value in (
        ("RabbitMQ", amqp_url),
        ("publish to", f"exchange {stage.prefix}.requests, routing key <channel>.<topic>.<subtopic>"),
        ("Redis", stage.redis_url),
        ("contract", f"{stage.admin_url}/docs; for machines {stage.admin_url}/asyncapi.json"),
        ("readiness", f"{stage.admin_url}/readyz"),
        ("metrics", f"{stage.admin_url}/metrics"),
        ("LCM simulator", stage.lcm_url),
        ("its control API", stage.control_url),
        ("logs", f"{stage.folder} (bridge.log, simulator.log)"),
        ("try", f"{settings} {command} request {shlex.quote(str(example))}"),
    ):
        display.say(f"  {name + ':':<16} {value}")
    try:
        ended = await stage.bridge.wait()
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
        return code
    display.say(f"\nThe bridge ended with code {ended}.", style="red")
    _show_bridge_log(stage, display)
    return FAILED


def _show_bridge_log(stage: Stage, display: Display) -> None:
    display.say("\nThe end of the bridge's log:", style="bold")
    display.say(stage.bridge_log())
