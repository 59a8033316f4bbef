"""How spans come out, and that a collector in trouble disturbs nobody else."""

import asyncio
import os
import sys
from typing import Any

import pytest
from support.command import run_command
from support.envelopes import od
from support.site import MakeSite, Site
from support.worker import until
from tracing.collector import Collector
from tracing.contexts import new_trace, trace_of

from bridge.settings import Tracing
from bridge.tracing.export import FLUSH, traces_url

REQUESTS = 60
SPANS = 5
"""Spans of each: process, cache, POST, cache, send."""


async def asked(site: Site, count: int = REQUESTS) -> None:
    """Have requests answered."""
    for _ in range(count):
        await site.widget.ask(od("nobody"))


def troubles(site: Site) -> list[dict[str, Any]]:
    """Return the lines of the log that are about tracing."""
    return [line for line in site.worker.events() if line["event"].startswith("tracing.")]


async def test_all_is_brought_out_at_the_end(make_traced: MakeSite) -> None:
    """Spans that wait for their batch are sent when the worker has drained, and none is lost."""
    async with Collector().running() as collector:
        site = await make_traced(BRIDGE_TRACING__ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="600000")
        await asked(site)
        before = len(collector.spans)

        assert 0 == await site.worker.stop()

    assert (0, SPANS * REQUESTS) == (before, len(collector.spans))
    assert [] == troubles(site)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(None, f"not all was taken within {FLUSH} s"), (401, "code: 401, reason: Unauthorized")],
)
async def test_a_collector_in_trouble_disturbs_nobody(
    make_traced: MakeSite, answer: int | None, reason: str
) -> None:
    """One that hangs or refuses: requests are answered, the end waits for its bound, the log stays short."""
    async with Collector(answer).running() as collector:
        site = await make_traced(BRIDGE_TRACING__ENDPOINT=collector.url)
        await asked(site)
        await until(lambda: bool(collector.bodies), "an export")

        assert 0 == await site.worker.stop()

    last = troubles(site)[-1]
    assert ("tracing.spans_lost", SPANS * REQUESTS) == (last["event"], last["lost"])
    assert reason in last["error"]
    assert len(troubles(site)) <= 2


async def test_a_collector_that_is_away_disturbs_nobody(make_traced: MakeSite) -> None:
    """The log says so once, with the reason; more spans than the queue holds are counted, and not told of."""
    site = await make_traced(
        BRIDGE_TRACING__ENDPOINT="http://127.0.0.1:9",
        OTEL_BSP_MAX_QUEUE_SIZE="16",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="8",
    )
    await asked(site)
    await site.worker.until_logged("tracing.not_exported")

    assert 0 == await site.worker.stop()

    told, lost = troubles(site)
    assert "Connection refused" in told["error"]
    assert ("tracing.spans_lost", SPANS * REQUESTS) == (lost["event"], lost["lost"])


async def test_a_collector_that_comes_back_gets_what_waited(make_traced: MakeSite) -> None:
    """Nothing of the requests in between is lost while the queue holds it."""
    async with Collector(503).running() as collector:
        site = await make_traced(BRIDGE_TRACING__ENDPOINT=collector.url)
        reply = await site.widget.ask(od("nobody"))
        await until(lambda: bool(collector.bodies), "an export")
        collector.answer = 200

        await collector.until_told(trace_of(reply))


async def test_a_share_of_the_requests(make_traced: MakeSite) -> None:
    """The ratio is for requests that bring no trace; a publisher who is sampled is always told of."""
    async with Collector().running() as collector:
        site = await make_traced(BRIDGE_TRACING__ENDPOINT=collector.url, BRIDGE_TRACING__SAMPLE_RATIO="0")
        trace = new_trace()
        without = await site.widget.ask(od("nobody"))
        await site.widget.ask(od("nobody"), headers={"traceparent": trace})

        await collector.until_told(trace[3:35])

        assert 0 == int(str(without.headers["traceparent"])[-2:]) & 1
        assert [] == collector.of(trace_of(without))


async def test_the_standard_variables_hold(make_traced: MakeSite) -> None:
    """Headers, compression, name and attributes of the service, and the sampler, as the SDK reads them."""
    async with Collector().running() as collector:
        site = await make_traced(
            BRIDGE_TRACING__ENDPOINT=f"{collector.url}/v1/traces",
            BRIDGE_TRACING__SAMPLE_RATIO="0",
            OTEL_TRACES_SAMPLER="always_on",
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20word",
            OTEL_SERVICE_NAME="lcm-bridge-eu",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test,service.instance.id=pod-1",
        )

        await collector.until_told(trace_of(await site.widget.ask(od("nobody"))))

        assert "Bearer word" == collector.headers[0]["authorization"]
        assert {
            "service.name": "lcm-bridge-eu",
            "service.instance.id": "pod-1",
            "deployment.environment.name": "test",
        }.items() <= collector.resources[0].items()
        assert "word" not in site.worker.log.read_text()


async def test_a_step_that_fails(make_traced: MakeSite) -> None:
    """While Redis is away the steps that wait for it have failed, and the request has not."""
    async with Collector().running() as collector:
        site = await make_traced(
            BRIDGE_TRACING__ENDPOINT=collector.url, BRIDGE_REDIS__URL="redis://127.0.0.1:9/0"
        )
        reply = await site.widget.ask(od("nobody"))

        process, *steps = await collector.until_told(trace_of(reply))

    away = [span for span in steps if span.name == "contact cache"]
    assert {(True, "NothingWritten")} == {(span.failed, span.attributes["error.type"]) for span in away}
    assert "CONTACT_NOT_FOUND" == process.attributes["error.type"]


async def test_the_sdk_switched_off_passes_on_what_came(make_traced: MakeSite) -> None:
    """With OTEL_SDK_DISABLED it is as without spans."""
    async with Collector().running() as collector:
        site = await make_traced(BRIDGE_TRACING__ENDPOINT=collector.url, OTEL_SDK_DISABLED="true")
        trace = new_trace()

        headers: dict[str, Any] = {"traceparent": trace, "tracestate": "a=b"}
        reply = await site.widget.ask(od("nobody"), headers=headers)
        bare = await site.widget.ask(od("nobody"))
        assert 0 == await site.worker.stop()

    assert headers == {name: reply.headers[name] for name in headers}
    assert "traceparent" not in bare.headers
    assert [] == collector.bodies


async def test_without_the_extra_it_says_what_to_install(tmp_path: Any) -> None:
    """Before anything is connected, beside all other faults, exit code 2."""
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()  # hides the real one, and has nothing in it
    settings = {
        "BRIDGE_TRACING__ENDPOINT": "http://collector:4318",
        "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}",
    }

    ended = await run_command("run", folder=tmp_path, settings=settings)

    assert 2 == ended.code
    assert (
        "tracing.endpoint: needs the extra otel: pip install lcm-bridge[otel] (from environment)"
        in ended.errors
    )


async def test_nothing_of_opentelemetry_is_loaded_where_it_is_off(tmp_path: Any) -> None:
    """Start-up does not pay for what is not used; what Redis's client loads by itself, it loads anyway."""
    program = (
        "import sys, bridge.app; from bridge.settings import Settings; bridge.app.tracing(Settings()); "
        "unused = ('bridge.tracing.otel', 'opentelemetry.sdk.trace', 'opentelemetry.exporter'); "
        "print([name for name in sys.modules if name.startswith(unused)])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    assert b"[]\n" == output


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://apm.example/otlp", "https://apm.example/otlp/v1/traces"),
        ("https://apm.example/otlp/v1/traces", "https://apm.example/otlp/v1/traces"),
    ],
)
def test_where_spans_are_posted_to(endpoint: str, expected: str) -> None:
    """Below the collector's URL, as for OTEL_EXPORTER_OTLP_ENDPOINT; or at the URL that says so itself."""
    assert expected == traces_url(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("collector:4318", "must be a URL that starts with http"),
        ("grpc://collector:4317", "must be a URL that starts with http"),
        ("http://collector:4318?key=x", "without a query"),
        ("http://user:word@collector:4318", "must hold no log-in"),
        ("http://collector:0", "must not have port 0"),
        ("http://", "must be a URL"),
    ],
)
def test_an_endpoint_that_cannot_be_right(endpoint: str, problem: str) -> None:
    """It says what is wrong, and shows no log-in."""
    with pytest.raises(ValueError, match=problem) as caught:
        Tracing.model_validate({"endpoint": endpoint})
    assert "word" not in str(caught.value.errors(include_input=False))  # type: ignore[attr-defined]
