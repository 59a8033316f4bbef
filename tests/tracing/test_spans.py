"""The spans of requests, as a collector gets them from a worker process."""

from typing import Any

import pytest
from support.envelopes import add_contact, create, dial, envelope, od, skip
from support.site import Site, name_of_letters
from tracing.collector import Collector, named, tree
from tracing.contexts import STATE, new_trace, trace_of
from yarl import URL

from bridge import __version__
from bridge.simulator import Fault


def of_message(site: Site, operation: str, **more: Any) -> dict[str, Any]:
    """Return the attributes that each span about a message has."""
    broker = URL(site.settings["BRIDGE_AMQP__URL"])
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "server.address": broker.host,
        "server.port": broker.port,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def called(site: Site, method: str, **more: Any) -> dict[str, Any]:
    """Return the attributes of a call of LCM."""
    url = URL(site.simulator.base_url) / method
    return {
        "http.request.method": "POST",
        "url.full": str(url),
        "server.address": url.host,
        "server.port": url.port,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


async def test_a_read(traced: Site, collector: Collector) -> None:
    """The publisher's span is the parent; each span has exactly the attributes of the conventions."""
    agent, trace = name_of_letters(), new_trace()
    add_contact(traced.simulator, agent, kind="od")
    headers: dict[str, Any] = {"traceparent": trace, "tracestate": STATE}

    reply = await traced.widget.ask(od(agent), correlation_id="c-1", message_id="m-1", headers=headers)

    spans = await collector.until_told(trace[3:35])
    queue = f"{traced.prefix}.requests.agent"
    process = f"process {queue}"
    assert [
        ("publisher", "CONSUMER", process),
        (process, "INTERNAL", "contact cache"),
        (process, "CLIENT", "POST"),
        (process, "INTERNAL", "contact cache"),
        (process, "PRODUCER", "send {reply_to}"),
    ] == tree(spans, trace)
    assert [[trace[:52]], [], [], [], []] == [span.links for span in spans]
    assert {(STATE, False)} == {(span.state, span.failed) for span in spans}
    key = "LCM.WebService.GetReservedContactOD"
    assert (
        of_message(
            traced,
            "process",
            messaging__destination__name=f"{traced.prefix}.requests:{key}:{queue}",
            messaging__destination__template=queue,
            messaging__rabbitmq__destination__routing_key=key,
            messaging__message__id="m-1",
            messaging__message__conversation_id="c-1",
            messaging__message__body__size=spans[0].attributes["messaging.message.body.size"],
            lcm_bridge__operation="GetReservedContactOD",
            lcm_bridge__outcome="ok",
            lcm_bridge__cache="miss",
        )
        == spans[0].attributes
    )
    assert spans[0].attributes["messaging.message.body.size"] > len(agent)
    assert called(traced, "GetReservedContactOD", http__response__status_code=200) == spans[2].attributes
    assert (
        of_message(
            traced,
            "send",
            messaging__destination__name="amq.default",
            messaging__destination__template="{reply_to}",
            messaging__destination__temporary=True,
            messaging__message__id=reply.message.message_id,
            messaging__message__conversation_id="c-1",
            messaging__message__body__size=len(reply.message.body),
        )
        == spans[4].attributes
    )
    assert {} == spans[1].attributes | spans[3].attributes


async def test_lcm_and_the_reader_get_the_bridges_own_context(traced: Site, collector: Collector) -> None:
    """LCM that of the call's span, the requester that of the span of sending."""
    agent, trace = name_of_letters(), new_trace()

    reply = await traced.widget.ask(od(agent), headers={"traceparent": trace, "tracestate": STATE})

    spans = await collector.until_told(trace[3:35])
    [call] = [call for call in traced.simulator.calls.calls if agent in (call.body or "")]
    for name, got in (("POST", call.headers), ("send", reply.headers)):
        assert (f"{named(spans, name).place}-01", STATE) == (got["traceparent"], got["tracestate"])


async def test_a_cached_answer(traced: Site, collector: Collector) -> None:
    """No call of LCM, and it says that the cache was hit."""
    agent, trace = name_of_letters(), new_trace()
    add_contact(traced.simulator, agent, kind="od")
    await traced.widget.ask(od(agent))

    await traced.widget.ask(od(agent), headers={"traceparent": trace})

    spans = await collector.until_told(trace[3:35])
    assert ["contact cache", "send {reply_to}"] == [span.name for span in spans[1:]]
    assert "hit" == spans[0].attributes["lcm_bridge.cache"]


async def test_a_side_effect_and_its_replay(traced: Site, collector: Collector) -> None:
    """The ledger is asked and told; a repetition gets the stored reply without a call."""
    first, second, key = new_trace(), new_trace(), name_of_letters()

    for trace in (first, second):
        await traced.widget.ask(create(), message_id=key, headers={"traceparent": trace})

    done, replayed = [await collector.until_told(trace[3:35]) for trace in (first, second)]
    assert ["ledger claim", "POST", "ledger record", "send {reply_to}"] == [one.name for one in done[1:]]
    assert ["ledger claim", "send {reply_to}"] == [one.name for one in replayed[1:]]
    assert "ok" == replayed[0].attributes["lcm_bridge.outcome"]
    assert "lcm_bridge.cache" not in replayed[0].attributes


async def test_a_call_that_is_tried_again(traced: Site, collector: Collector) -> None:
    """A span for each try, which says the how-manyeth it is; only the one that failed has failed."""
    agent, trace = name_of_letters(), new_trace()
    add_contact(traced.simulator, agent, kind="od")
    traced.simulator.faults.put(Fault(kind="status", status=503, count=1))

    await traced.widget.ask(od(agent), headers={"traceparent": trace})

    spans = await collector.until_told(trace[3:35])
    method = "GetReservedContactOD"
    assert [
        (called(traced, method, http__response__status_code=503, error__type="503"), True),
        (called(traced, method, http__response__status_code=200, http__request__resend_count=1), False),
    ] == [(span.attributes, span.failed) for span in spans if span.name == "POST"]
    assert not spans[0].failed


async def test_a_call_without_an_answer(traced: Site, collector: Collector) -> None:
    """There is no status, and the kind of the error is the bridge's; the side effect may have happened."""
    agent, trace = name_of_letters(), new_trace()
    traced.simulator.faults.put(Fault(kind="reset", count=1))

    await traced.widget.ask(create(ContactDetail=agent), message_id=agent, headers={"traceparent": trace})

    await traced.widget.dead_letter()  # the other tests look for theirs
    spans = await collector.until_told(trace[3:35])
    assert called(traced, "CreateContact", error__type="LCM_UNAVAILABLE") == named(spans, "POST").attributes
    assert ("OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN", True) == (
        spans[0].attributes["error.type"],
        spans[0].attributes["lcm_bridge.outcome"],
        spans[0].failed,
    )


@pytest.mark.parametrize(
    ("request_body", "operation", "error_type"),
    [
        (envelope("SkipManualDialContact", {}), "SkipManualDialContact", "INVALID_DATA"),
        (envelope("NoSuchThing", {}), "unknown", "UNKNOWN_OPERATION"),
        (b"not JSON", "unknown", "INVALID_ENVELOPE"),
    ],
)
async def test_a_failure(
    traced: Site, collector: Collector, request_body: Any, operation: str, error_type: str
) -> None:
    """It says which; telling it is no failure."""
    trace = new_trace()

    await traced.widget.ask(request_body, headers={"traceparent": trace})

    process, send = await collector.until_told(trace[3:35])
    assert (True, operation, error_type, error_type) == (
        process.failed,
        process.attributes["lcm_bridge.operation"],
        process.attributes["lcm_bridge.outcome"],
        process.attributes["error.type"],
    )
    assert ("send {reply_to}", False) == (send.name, send.failed)


async def test_a_request_without_a_context_begins_a_trace(traced: Site, collector: Collector) -> None:
    """The log has its id on every line."""
    correlation_id = name_of_letters()

    reply = await traced.widget.ask(od("nobody"), correlation_id=correlation_id)

    spans = await collector.until_told(trace_of(reply))
    lines = [line for line in traced.worker.events() if line.get("correlation_id") == correlation_id]
    assert ("", []) == (spans[0].parent, spans[0].links)
    assert {trace_of(reply)} == {line["trace_id"] for line in lines}


async def test_a_publisher_who_is_not_sampled_gets_no_spans(traced: Site, collector: Collector) -> None:
    """The trace goes on, still not sampled."""
    agent, later = name_of_letters(), new_trace()
    trace = f"{new_trace()[:-1]}0"

    reply = await traced.widget.ask(od(agent), headers={"traceparent": trace})
    await traced.widget.ask(od(agent), headers={"traceparent": later})

    [call] = [call for call in traced.simulator.calls.calls if agent in (call.body or "")][:1]
    await collector.until_told(later[3:35])
    assert [] == collector.of(trace[3:35])
    for passed_on in (call.headers["traceparent"], str(reply.headers["traceparent"])):
        assert (trace[:35], "00") == (passed_on[:35], passed_on[-2:])


async def test_no_personal_data(traced: Site, collector: Collector) -> None:
    """No phone number, agent, account or body, whatever field or address a publisher puts them into."""
    agent, trace = f"{name_of_letters()}@agents.example", new_trace()
    account = add_contact(traced.simulator, agent, kind="od")
    phone = "2025550137"
    queue = await traced.widget.channel.declare_queue(f"replies.{agent}.{phone}", exclusive=True)
    terms: dict[str, Any] = {"reply_to": queue.name, "headers": {"traceparent": trace}}

    await traced.widget.publish(od(agent), routing_key=f"LCM.{phone}.{agent}", **terms)
    await traced.widget.publish(skip(agent, account, phone=phone), message_id="m", **terms)
    await traced.widget.publish(dial(phone), message_id="d", **terms)
    await traced.widget.publish(create(ContactDetail=phone, Modes=phone), message_id="e", **terms)

    await collector.until_told(trace[3:35], requests=4)
    told = b"".join(collector.bodies)
    assert b"GetReservedContactOD" in told
    assert [] == [one for one in (agent, agent.partition("@")[0], account, phone) if one.encode() in told]


async def test_who_tells(traced: Site, collector: Collector) -> None:
    """The service, its version and instance, and the conventions that are followed."""
    await collector.until_told(trace_of(await traced.widget.ask(od("nobody"))))

    told = collector.resources[-1]
    assert ("lcm-bridge", __version__) == (told["service.name"], told["service.version"])
    assert 1 == len({one["service.instance.id"] for one in collector.resources})
    assert ("lcm-bridge", __version__, "https://opentelemetry.io/schemas/1.44.0") == collector.scopes[-1]
