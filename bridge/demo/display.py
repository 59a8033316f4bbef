"""Shows the demonstration: in colour on a terminal, as plain lines anywhere else."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import indent

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bridge.demo.requester import Outcome
from bridge.demo.scene import Scene
from bridge.demo.verdict import body_of, cache_of
from bridge.jsontypes import JsonValue

LONG, INDENT = 110, 7
CACHE_COLOURS = {"hit": "green", "miss": "yellow", "stale": "magenta"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the summary."""

    number: int
    title: str
    seconds: float
    answer: str
    cache: str
    faults: list[str]


class Display:
    """Writes to standard output."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            # A pipe or a file has no width: whoever reads it wraps the lines.
            self.console = Console(highlight=False, width=200, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Say what is being done, with a moving sign on a terminal, and then how long it took."""
        began = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(f"{escape(text)} ..."):
                yield
        else:
            self.console.print(f"{escape(text)} ...")
            yield
        self.console.print(f"{escape(text)}: done [dim]({time.monotonic() - began:.1f} s)[/]")

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.console.print()
        if self.console.is_terminal:
            self.console.rule(f"[bold]{escape(title)}", align="left", style="dim")
        else:
            self.console.print(f"== {escape(title)}")

    def request(self, number: int, scene: Scene) -> None:
        """Show a request before it is published."""
        self.console.print()
        self.console.print(f"[bold]{number:2d}  {escape(scene.title)}[/]")
        if scene.note:
            self.console.print(f"    [italic]{escape(scene.note)}[/]")
        for call in scene.before:
            self.console.print(f"    [magenta]~ {escape(call.said)}[/]")
        self.console.print(f"    [cyan]-> {escape(scene.routing_key)}[/]")
        text = scene.request if isinstance(scene.request, str) else scene.request.decode("utf-8-sig")
        self._body(text)

    def outcome(self, scene: Scene, outcome: Outcome, faults: list[str]) -> Result:
        """Show what came back and whether it is as expected; `number` and title are set by the caller."""
        answers = (("reply", outcome.reply), ("event", outcome.event), ("dead letter", outcome.dead_letter))
        for kind, message in answers:
            if message is None:
                continue
            if kind == "dead letter":
                reason = escape(str(message.headers.get("x-reason", "none")))
                self.console.print(f"    [cyan]<- dead letter, reason {reason}[/]")
                continue
            words = f"{kind} after {outcome.seconds * 1000:.0f} ms"
            if cache := cache_of(outcome):
                words += f", [{CACHE_COLOURS.get(cache, 'white')}]cache: {escape(cache)}[/]"
            self.console.print(f"    [cyan]<- {words}[/]")
            self._body(_compact(body_of(message)))
        for fault in faults:
            self.console.print(f"    [bold red]not as expected:[/] {escape(fault)}")
        if not faults:
            self.console.print("    [green]as expected[/]")
        answer = "dead letter" if scene.reply == "none" and scene.dead_letter else scene.error_type or "ok"
        return Result(
            number=0,
            title=scene.title,
            seconds=outcome.seconds,
            answer=answer,
            cache=cache_of(outcome) or "",
            faults=faults,
        )

    def summary(self, results: list[Result]) -> None:
        """Show one line for each scene and the count of those that went as expected."""
        table = Table(title="Summary", title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in ("", "request", "expected answer", "cache", "ms", ""):
            table.add_column(column, justify="right" if column == "ms" else "left")
        for result in results:
            colour = CACHE_COLOURS.get(result.cache, "white")
            table.add_row(
                str(result.number),
                escape(result.title),
                result.answer,
                f"[{colour}]{result.cache}[/]",
                f"{result.seconds * 1000:.0f}",
                "[red]NOT as expected[/]" if result.faults else "[green]as expected[/]",
            )
        self.console.print()
        self.console.print(table)
        good = sum(not result.faults for result in results)
        colour = "green" if good == len(results) else "red"
        self.console.print(f"\n[bold {colour}]{good} of {len(results)} answers were as expected.[/]")

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line as it stands."""
        self.console.print(Text(text, style=style))

    def _body(self, text: str) -> None:
        if self.console.is_terminal:
            self.console.print(Padding(JSONHighlighter()(Text(text)), (0, 0, 0, INDENT)))
        else:
            self.console.print(Text(indent(text, " " * INDENT)))


def _compact(value: JsonValue) -> str:
    """Write JSON on one line if it is short, else with one line for each member."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= LONG or not isinstance(value, dict):
        return text
    lines = [
        f"{json.dumps(name)}: {json.dumps(member, ensure_ascii=False)}" for name, member in value.items()
    ]
    return "{" + ",\n ".join(lines) + "}"
