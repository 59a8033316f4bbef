"""Without spans of its own, the bridge passes a publisher's trace context on as it came."""

from collections.abc import Mapping
from typing import Any

import pytest
from support.envelopes import add_contact, create, dial, od
from support.requester import next_message
from support.site import Site, name_of_letters
from support.worker import until
from tracing.contexts import STATE, new_trace

from bridge.settings import Lcm
from bridge.simulator import Fault


def passed_on(site: Site, text: str) -> list[tuple[str | None, str | None]]:
    """Return the trace contexts of the calls of LCM whose body holds a text."""
    return [(headers.get("traceparent"), headers.get("tracestate")) for headers in _calls(site, text)]


def _calls(site: Site, text: str) -> list[Mapping[str, str]]:
    return [call.headers for call in site.simulator.calls.calls if text in (call.body or "")]


async def lines_of(site: Site, correlation_id: str) -> list[dict[str, Any]]:
    """Return the log lines of a request that has been answered."""

    def lines() -> list[dict[str, Any]]:
        return [line for line in site.worker.events() if line.get("correlation_id") == correlation_id]

    await until(lambda: any(line["event"] == "request.settled" for line in lines()), "the request's end")
    return lines()


async def test_a_context_goes_to_lcm_and_back(plain: Site) -> None:
    """The same `traceparent` and `tracestate`, and the trace id on each line of the log."""
    agent, correlation_id, trace = name_of_letters(), name_of_letters(), new_trace()
    add_contact(plain.simulator, agent, kind="od")
    headers: dict[str, Any] = {"traceparent": trace, "tracestate": STATE}

    reply = await plain.widget.ask(od(agent), correlation_id=correlation_id, headers=headers)

    assert [(trace, STATE)] == passed_on(plain, agent)
    assert headers == {name: reply.headers[name] for name in headers}
    assert {trace[3:35]} == {line["trace_id"] for line in await lines_of(plain, correlation_id)}


async def test_without_a_context_none_is_made_up(plain: Site) -> None:
    """LCM gets none, the reply bears none, the log knows none."""
    agent, correlation_id = name_of_letters(), name_of_letters()

    reply = await plain.widget.ask(od(agent), correlation_id=correlation_id)

    assert [(None, None)] == passed_on(plain, agent)
    assert not {"traceparent", "tracestate"} & reply.headers.keys()
    assert not [line for line in await lines_of(plain, correlation_id) if "trace_id" in line]


@pytest.mark.parametrize(
    ("traceparent", "tracestate"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nX-Evil: 1", STATE),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\r\n\r\nPOST /", STATE),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", STATE),
        (bytearray(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), STATE),
        (7, STATE),
        (None, "a=b\r\nX-Evil: 1"),
    ],
)
async def test_what_is_no_context_goes_nowhere(plain: Site, traceparent: Any, tracestate: str) -> None:
    """The request is served; LCM gets the headers that it gets without, and the reply bears none."""
    plainly, agent, correlation_id = name_of_letters(), name_of_letters(), name_of_letters()
    await plain.widget.ask(od(plainly))
    headers = {"tracestate": tracestate} | ({} if traceparent is None else {"traceparent": traceparent})

    reply = await plain.widget.ask(od(agent), correlation_id=correlation_id, headers=headers)

    [usual], [got] = _calls(plain, plainly), _calls(plain, agent)
    assert usual == got
    assert not {"traceparent", "tracestate"} & reply.headers.keys()
    assert not [line for line in await lines_of(plain, correlation_id) if "trace_id" in line]


async def test_a_tracestate_that_would_inject_is_dropped_alone(plain: Site) -> None:
    """The `traceparent` beside it goes on."""
    agent, trace = name_of_letters(), new_trace()

    reply = await plain.widget.ask(
        od(agent), headers={"traceparent": trace, "tracestate": "a=b\r\nX-Evil: 1"}
    )

    assert [(trace, None)] == passed_on(plain, agent)
    assert (trace, None) == (reply.headers["traceparent"], reply.headers.get("tracestate"))


async def test_an_event_bears_the_context(plain: Site) -> None:
    """Whoever listens can go on with the trace."""
    trace = new_trace()
    events = await plain.widget.listen()

    await plain.widget.publish(
        dial(), message_id=name_of_letters(), headers={"traceparent": trace, "tracestate": STATE}
    )

    message = await next_message(events)
    assert (trace, STATE) == (message.headers["traceparent"], message.headers["tracestate"])


async def test_each_try_has_the_context(plain: Site) -> None:
    """Also a call that is made again at once."""
    agent, trace = name_of_letters(), new_trace()
    plain.simulator.faults.put(Fault(kind="status", status=503, count=1))

    await plain.widget.ask(od(agent), headers={"traceparent": trace})

    assert [(trace, None)] * 2 == passed_on(plain, agent)


async def test_a_parked_request_comes_back_with_its_context(plain: Site) -> None:
    """Its headers stay as they are; each of its calls of LCM is of the same trace."""
    marker, trace = name_of_letters(), new_trace()
    plain.simulator.faults.put(Fault(kind="status", status=503, count=1))

    await plain.widget.publish(
        create(ContactDetail=marker), message_id=marker, headers={"traceparent": trace, "tracestate": STATE}
    )

    await until(lambda: 2 == len(passed_on(plain, marker)), "both calls")
    assert [(trace, STATE)] * 2 == passed_on(plain, marker)


async def test_a_dead_letter_keeps_what_it_came_with(plain: Site) -> None:
    """Even where it is no context: a person looks at what was sent."""
    headers: dict[str, Any] = {"traceparent": "of no use\r\n", "tracestate": STATE}

    await plain.widget.publish(b"not JSON", headers=headers)

    letter = await plain.widget.dead_letter()
    assert headers == {name: letter.headers[name] for name in headers}


@pytest.mark.parametrize("name", ["traceparent", "Tracestate"])
def test_no_setting_may_name_these_headers(name: str) -> None:
    """A fixed one would stand beside that of the request."""
    with pytest.raises(ValueError, match=f"header {name} must not be set"):
        Lcm.model_validate({"headers": {name: "x"}})
