"""What nobody thought of, and what the metric of the calls tells."""

import asyncio
from typing import Any

import pytest
from lcm.lcm_servers import OD, ONCE, SKIP, RawServer, Request, answer, answering, failure_of, lcm_client

from bridge.failures import InternalError
from bridge.lcm.client import LcmClient
from bridge.metrics import Metrics
from bridge.operations.model import LcmCall
from bridge.settings import Lcm

OK = answer(b'{"d": true}')


def observed(metrics: Metrics) -> dict[str, float]:
    """Give how often each outcome of a call was counted."""
    return {
        sample.labels["outcome"]: sample.value
        for family in metrics.lcm_call_seconds.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    }


def settings_with(**values: Any) -> Lcm:
    """Give settings that were not validated, as something wrong that validation does not know."""
    return Lcm(timeout=10.0).model_copy(update=values)


@pytest.mark.parametrize("host", ["a..b", "a" * 70])
async def test_a_host_that_cannot_be_encoded_had_no_effect(host: str) -> None:
    """The look-up raises what no HTTP client documents: a failure of the bridge, before anything was sent."""
    metrics = Metrics()
    async with LcmClient(settings_with(base_url=f"http://{host}/x"), metrics) as client:
        failed = await failure_of(client)

    assert isinstance(failed.failure, InternalError)
    assert not failed.effect_possible
    assert host not in str(failed)
    assert {"error": 1.0} == observed(metrics)


async def test_parameters_that_are_no_json_had_no_effect() -> None:
    """What cannot be written as JSON is a failure of the bridge, before anything was sent."""
    async with lcm_client("http://127.0.0.1:1/x") as client:
        failed = await failure_of(client, LcmCall("SkipManualDialContact", {"UserID": "\ud800"}))

    assert isinstance(failed.failure, InternalError)
    assert not failed.effect_possible


async def test_something_unexpected_after_the_request_went_out_leaves_the_effect_open() -> None:
    """A bound that is no number goes wrong only when the answer is read."""
    async with (
        answering(OK).running() as server,
        LcmClient(settings_with(base_url=server.url, max_response_bytes=None), Metrics()) as client,
    ):
        failed = await failure_of(client)

        assert 1 == len(server.requests)
    assert isinstance(failed.failure, InternalError)
    assert failed.effect_possible


async def test_the_next_call_after_something_unexpected_has_its_slot() -> None:
    """A call that went wrong gives its slot back."""
    async with (
        answering(OK).running() as server,
        lcm_client(server.url, concurrency=1, timeout=2.0) as client,
    ):
        await failure_of(client, LcmCall("SkipManualDialContact", {"UserID": "\ud800"}))

        assert await client.call(SKIP, ONCE) is True


async def test_a_success_is_counted_as_such() -> None:
    """Each call is counted once."""
    metrics = Metrics()
    async with answering(OK).running() as server, lcm_client(server.url, metrics) as client:
        await client.call(OD, ONCE)

    assert {"ok": 1.0} == observed(metrics)


async def test_a_cancelled_call_passes_on_and_is_not_counted() -> None:
    """A call that the bridge itself gives up says nothing about LCM."""
    arrived = asyncio.Event()
    never = asyncio.Event()

    async def handler(_: Request, __: asyncio.StreamWriter) -> None:
        arrived.set()
        await never.wait()

    metrics = Metrics()
    async with RawServer(handler).running() as server, lcm_client(server.url, metrics) as client:
        running = asyncio.create_task(client.call(SKIP, ONCE))
        await arrived.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert {} == observed(metrics)
