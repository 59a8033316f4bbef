"""The benchmark's own run, small: the bridge alone, with real servers and the stand-in for LCM."""

import argparse
import importlib.util
import json
from pathlib import Path

import pytest

from bench import compare, machine, report
from bench.__main__ import parser
from bench.stage import set_stage
from bench.visits import Asked, faults_in

pytestmark = pytest.mark.rabbitmq

needs_standin = pytest.mark.skipif(
    importlib.util.find_spec("httptools") is None,
    reason="the stand-in for LCM needs httptools, which make bench installs into .venv-bench",
)

SMALL = "compare --variants bridge --lcm-ms 0 --rounds 1 --window 20 --seconds 0.5 --warm-up 0.2"


@pytest.fixture(scope="module")
async def small() -> tuple[argparse.Namespace, report.Report, dict[str, object]]:
    """Run it once: the command line's arguments, what was found, the machine."""
    arguments = parser().parse_args(SMALL.split())
    async with set_stage() as stage:
        return arguments, await compare.run(stage, arguments), await machine.describe(stage)


Small = tuple[argparse.Namespace, report.Report, dict[str, object]]


@needs_standin
def test_every_reply_is_checked_and_right(small: Small) -> None:
    """Reads and side effects are answered, each once and rightly, and LCM is called once for each."""
    _, found, _ = small
    assert [one.load.work for one in found.visits] == ["read", "side-effect"]
    assert list(found.faults) == []
    assert all(one.sent >= one.measured > 0 for one in found.visits)


@needs_standin
def test_what_was_used_is_measured(small: Small) -> None:
    """CPU and memory of the bridge, CPU of the servers and of the load, and latencies are there."""
    _, found, _ = small
    for one in found.visits:
        assert one.cpu_us > 0
        assert 0 < one.resident_bytes <= one.peak_bytes
        assert one.servers_us.keys() == {"rabbitmq", "redis", "standin", "load"}
        assert all(cost > 0 for cost in one.servers_us.values())
        assert 0 < one.latency_ms["p50"] <= one.latency_ms["p99"]


@needs_standin
def test_the_report_is_written_with_the_machine(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON holds each visit and the versions; the terminal shows a table for each workload."""
    _, found, described = small
    path = report.write(found, described, tmp_path / "found.json")
    kept = json.loads(path.read_text())
    assert len(kept["visits"]) == 2
    assert kept["machine"]["rabbitmq"]
    report.show(found, described)
    shown = capsys.readouterr().out
    assert "read, LCM answers after 0 ms" in shown
    assert "side-effect, LCM answers after 0 ms" in shown


@needs_standin
@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="charts need matplotlib, which make bench installs into .venv-bench",
)
def test_what_was_found_is_drawn(small: Small, tmp_path: Path) -> None:
    """A picture is written beside the JSON, also where there was no bare peer to compare with."""
    from bench import plot  # noqa: PLC0415 - not to be had everywhere, see above

    _, found, described = small
    path = report.write(found, described, tmp_path / "found.json")
    assert plot.main([str(path)]) == 0
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


RIGHT = {"sent": 10, "lost": 0, "repeated": 0, "wrong": 0, "first_wrong": None}
COUNTS = {"calls": {"CreateContact": 10}, "effects": 10, "repeated_effects": 0}
ONCE = Asked(least=10, most=10)


def test_what_went_right_has_no_faults() -> None:
    """Ten requests, ten calls, no effect twice."""
    assert faults_in([RIGHT], COUNTS, ONCE) == []


@pytest.mark.parametrize(
    ("outcome", "counts", "fault"),
    [
        ({"lost": 2}, {}, "2 replies lost"),
        ({"repeated": 1}, {}, "1 replies repeated"),
        ({"wrong": 3, "first_wrong": "the reply to 7"}, {}, "3 replies wrong"),
        ({}, {"repeated_effects": 4}, "4 effects carried out again"),
        ({}, {"calls": {"CreateContact": 9}}, "LCM was called 9 times, not 10 to 10 times"),
    ],
)
def test_what_went_wrong_is_a_fault(
    outcome: dict[str, object], counts: dict[str, object], fault: str
) -> None:
    """Lost, repeated and wrong replies are told, and so are effects and calls that should not be."""
    assert fault in faults_in([RIGHT | outcome], COUNTS | counts, ONCE)[0]
