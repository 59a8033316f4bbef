"""What OpenTelemetry's SDK reads of the environment is tried with the settings, and log-ins are not shown."""

import logging
from pathlib import Path

import pytest
from settings.settings_sources import Sources, faults
from support.command import run_command

from bridge.configuration import load
from bridge.tracing.export import Export

COLLECTOR = "http://127.0.0.1:1"
COMMON, OWN = "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"


@pytest.mark.parametrize(
    "headers",
    [
        "Authorization: Bearer hunter2",
        "Bearer hunter2",
        "api-key=hunter2;x",
        "api-key=hunter2ä",
        "api-key=x,hunter2",
        "api-key=hunter2%0Ax",
        "api-key=hunter2%E2%82%AC",
        "api%20key=hunter2",
        "api-key%0A=hunter2,=x",
    ],
)
@pytest.mark.parametrize("name", [COMMON, OWN])
def test_headers_for_the_collector_that_cannot_be_sent(given: Sources, name: str, headers: str) -> None:
    """It is a fault of the variable, which says what form is wanted and shows nothing of the value."""
    given.environment(TRACING__ENDPOINT=COLLECTOR)
    given.patch.setenv(name, headers)

    [fault] = faults()

    assert fault.startswith(f"{name}: must be name=value")
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "headers",
    ["", "authorization=Bearer%20hunter2", "Authorization=Bearer hunter2, x=a=b ,", "x="],
)
def test_headers_for_the_collector_that_are_right(given: Sources, headers: str) -> None:
    """With encoded values and with plain ones, as the SDK takes both."""
    given.environment(TRACING__ENDPOINT=COLLECTOR)
    given.patch.setenv(COMMON, headers)

    assert COLLECTOR == load().settings.tracing.endpoint


def test_only_what_the_sdk_reads_is_tried(given: Sources) -> None:
    """The headers for traces replace those for all; where tracing is off, nobody reads either."""
    given.patch.setenv(COMMON, "Authorization: Bearer hunter2")
    assert "" == load().settings.tracing.endpoint

    given.environment(TRACING__ENDPOINT=COLLECTOR)
    given.patch.setenv(OWN, "authorization=Bearer%20hunter2")
    assert COLLECTOR == load().settings.tracing.endpoint


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OTEL_BSP_SCHEDULE_DELAY": "0"}, "OTEL_BSP_SCHEDULE_DELAY must be positive"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "OTEL_BSP_MAX_QUEUE_SIZE must be a positive integer"),
        (
            {"OTEL_BSP_MAX_QUEUE_SIZE": "100"},
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must be less than or equal to OTEL_BSP_MAX_QUEUE_SIZE",
        ),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "-3"}, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT must be a non-negative"),
        ({"OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "nobody"}, "'nobody' not found"),
    ],
)
def test_what_the_sdk_refuses(given: Sources, variables: dict[str, str], told: str) -> None:
    """It is a fault of the environment, which names the variable, where tracing is on."""
    for name, value in variables.items():
        given.patch.setenv(name, value)
    load()
    given.environment(TRACING__ENDPOINT=COLLECTOR)

    [fault] = faults()

    assert fault.startswith("environment: ")
    assert told in fault


@pytest.mark.parametrize("headers", ["Authorization: Bearer hunter2", "api-key=x,hunter2"])
def test_the_sdk_quotes_no_log_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, headers: str
) -> None:
    """Whatever becomes of the fault, no line of the log has the value."""
    monkeypatch.setenv(COMMON, headers)

    with caplog.at_level(logging.DEBUG):
        Export(COLLECTOR, None).provider.shutdown()

    assert "hunter2" not in caplog.text


async def test_a_worker_with_such_variables_does_not_start(tmp_path: Path) -> None:
    """It lists the faults of all of them, exit code 2, and nothing else of the SDK."""
    settings = {
        "BRIDGE_TRACING__ENDPOINT": COLLECTOR,
        COMMON: "Authorization: Bearer hunter2",
        "OTEL_BSP_SCHEDULE_DELAY": "0",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "10s",
    }

    ended = await run_command("run", folder=tmp_path, settings=settings)

    assert 2 == ended.code
    assert f"{COMMON}: must be name=value" in ended.errors
    assert "OTEL_BSP_SCHEDULE_DELAY must be positive" in ended.errors
    assert "hunter2" not in ended.output + ended.errors
    assert "10s" not in ended.errors
