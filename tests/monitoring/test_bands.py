"""What the top row says of a site, worked out by promtool from what workers tell."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from support.dashboard_file import line

promtool = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    promtool is None,
    reason="promtool is missing: scripts/setup.sh installs it, by the distribution's package prometheus",
)

AN_HOUR = 3600
QUEUE = '{queue="lcm.requests.agent"}'
OK, IN_TROUBLE, AWAY, REFUSES, REPLIES_LOST = 0, 1, 2, 4, 5


def calls(**each_time: int) -> dict[str, str]:
    """Return how calls of LCM end, by outcome; each takes less than a second."""
    counts = {
        f'lcm_bridge_lcm_call_seconds_count{{outcome="{outcome}"}}': f"0+{count}x10"
        for outcome, count in each_time.items()
    }
    whole = f"0+{sum(each_time.values())}x10"
    buckets = {f'lcm_bridge_lcm_call_seconds_bucket{{le="{le}"}}': whole for le in ("1", "+Inf")}
    return counts | buckets


def breaker(state: int) -> dict[str, str]:
    """Return what a worker tells of its breaker: 0 closed, 1 half-open, 2 open."""
    return {"lcm_bridge_lcm_breaker_state": f"{state}x10"}


def replies(**each_time: int) -> dict[str, str]:
    """Return what becomes of replies, by outcome."""
    return {
        f'lcm_bridge_replies_total{{outcome="{outcome}"}}': f"0+{count}x10"
        for outcome, count in each_time.items()
    }


def shows(panel: str, legend: str, series: Mapping[str, str], expected: Mapping[str, float], at: Path) -> str:
    """Return what promtool says when a line of a panel is not as expected, by labels; else nothing."""
    assert promtool is not None
    test = {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": line(panel, legend).expression,
                "eval_time": "5m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
            }
        ],
    }
    file = at / "case.yaml"
    file.write_text(yaml.safe_dump({"tests": [test]}), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own file
        [promtool, "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("series", "says"),
    [
        pytest.param(breaker(0) | calls(ok=100), OK, id="all is well"),
        pytest.param(breaker(0), OK, id="no calls"),
        pytest.param(breaker(0) | calls(ok=94, timeout=6), IN_TROUBLE, id="6 % fail"),
        pytest.param(breaker(1) | calls(ok=100), IN_TROUBLE, id="half-open, and probes succeed"),
        pytest.param(breaker(0) | calls(ok=0, bad_response=100), AWAY, id="all fail, the breaker is closed"),
        pytest.param(breaker(1) | calls(ok=9, timeout=1), AWAY, id="half-open, and probes fail"),
        pytest.param(breaker(2), AWAY, id="open, without calls"),
        pytest.param(breaker(2) | calls(ok=90, unavailable=10), AWAY, id="open"),
        pytest.param(breaker(0) | calls(ok=94, refused=6), IN_TROUBLE, id="6 % are refused"),
        pytest.param(breaker(0) | calls(ok=0, refused=100), REFUSES, id="all are refused"),
        pytest.param(breaker(0) | calls(ok=10, refused=60, timeout=30), REFUSES, id="most are refused"),
        pytest.param({}, None, id="no worker"),
    ],
)
def test_the_band_of_lcm(series: dict[str, str], says: int | None, tmp_path: Path) -> None:
    """Most calls fail: away, whatever the breaker says; most are refused: refuses; a few: in trouble."""
    expected = {} if says is None else {"{}": says}
    assert shows("Who is to blame?", "LCM", series, expected, tmp_path) == ""


@pytest.mark.parametrize(
    ("series", "says"),
    [
        pytest.param(replies(confirmed=99, unroutable=1), OK, id="somebody closes a window"),
        pytest.param(replies(confirmed=0, unroutable=0, failed=0), OK, id="no replies"),
        pytest.param(replies(confirmed=80, unroutable=20), REPLIES_LOST, id="every fifth"),
        pytest.param(replies(confirmed=0, unroutable=100), REPLIES_LOST, id="all"),
        pytest.param(replies(confirmed=50, failed=50, unroutable=0), OK, id="RabbitMQ takes none"),
        pytest.param({}, None, id="no worker"),
    ],
)
def test_the_band_of_requesters(series: dict[str, str], says: int | None, tmp_path: Path) -> None:
    """More than one reply in twenty reaches nobody: replies lost."""
    expected = {} if says is None else {"{}": says}
    assert shows("Who is to blame?", "Requesters", series, expected, tmp_path) == ""


def queue(*, connected: int, **told: str) -> dict[str, str]:
    """Return what a worker tells of the agents' queue: its capacity always, ``told`` besides."""
    counted = {f"lcm_bridge_{name}{QUEUE}": values for name, values in told.items()}
    return {
        f"lcm_bridge_in_flight_limit{QUEUE}": "100x10",
        "lcm_bridge_amqp_connected": f"{connected}x10",
    } | {
        "lcm_bridge_request_wait_seconds_count" + QUEUE: "9x10",
        **counted,
    }


@pytest.mark.parametrize(
    ("series", "seconds"),
    [
        pytest.param(queue(connected=1, queue_messages="0x10"), 0, id="nothing waits"),
        pytest.param(queue(connected=1, queue_messages="50x10"), AN_HOUR, id="nothing is taken"),
        pytest.param(
            queue(connected=1, queue_messages="50x10", request_wait_seconds_count="0+300x10"),
            5,
            id="50 wait, and 10 are taken each second",
        ),
        pytest.param(queue(connected=0), AN_HOUR, id="RabbitMQ is away"),
        pytest.param(queue(connected=1), None, id="connected, and not counted yet"),
        pytest.param({}, None, id="no worker"),
    ],
)
def test_the_oldest_wait(series: dict[str, str], seconds: int | None, tmp_path: Path) -> None:
    """An hour where nothing is taken, also where nobody can count what waits since RabbitMQ is away."""
    expected = {} if seconds is None else {QUEUE: seconds}
    assert shows("Oldest wait", "{{queue}}", series, expected, tmp_path) == ""
