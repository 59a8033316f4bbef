"""The spans around what is published: events, dead letters, and requests that are parked."""

from typing import Any

from support.envelopes import create, dial, od
from support.site import Site, name_of_letters
from support.worker import until
from tracing.collector import Collector, named, tree
from tracing.contexts import new_trace

from bridge.simulator import Fault


async def test_an_event(traced: Site, collector: Collector) -> None:
    """It goes to an exchange by an address that is one of few."""
    trace = new_trace()

    await traced.widget.publish(dial(), message_id=name_of_letters(), headers={"traceparent": trace})

    _, send = await collector.until_told(trace[3:35])
    exchange, key = f"{traced.prefix}.events", "UI.InboundCall.ManualDialCall"
    assert ("PRODUCER", f"send {exchange}:{key}") == (send.kind, send.name)
    assert (f"{exchange}:{key}", key) == (
        send.attributes["messaging.destination.name"],
        send.attributes["messaging.rabbitmq.destination.routing_key"],
    )


async def test_a_dead_letter(traced: Site, collector: Collector) -> None:
    """The letter keeps the publisher's context, to which sending it is linked."""
    trace = new_trace()

    await traced.widget.publish(b"not JSON", headers={"traceparent": trace})

    letter = await traced.widget.dead_letter()
    process, send = await collector.until_told(trace[3:35])
    queue = f"{traced.prefix}.dead-letters"
    assert (trace, "CLIENT", f"send {queue}:{queue}", [trace[:52]], process.id) == (
        letter.headers["traceparent"],
        send.kind,
        send.name,
        send.links,
        send.parent,
    )


async def test_a_dead_letter_without_a_context(traced: Site, collector: Collector) -> None:
    """It gets that of the span of sending it: who replays it goes on with the trace."""
    await traced.widget.publish(b"not JSON")

    letter = await traced.widget.dead_letter()
    parent = str(letter.headers["traceparent"])
    process, send = await collector.until_told(parent[3:35])
    assert ("PRODUCER", [], parent[:52], "") == (send.kind, send.links, send.place, process.parent)


async def test_a_dead_letter_with_what_is_no_context(traced: Site) -> None:
    """It keeps that: a person looks at what was sent."""
    await traced.widget.publish(b"not JSON", headers={"traceparent": "of no use"})

    assert "of no use" == (await traced.widget.dead_letter()).headers["traceparent"]


async def test_a_reply_that_is_refused(traced: Site, collector: Collector) -> None:
    """Sending it has failed, after all tries, and says how; sending the dead letter has not."""
    full: dict[str, Any] = {"x-max-length": 0, "x-overflow": "reject-publish"}
    queue = await traced.widget.channel.declare_queue(exclusive=True, arguments=full)
    trace = new_trace()

    await traced.widget.publish(od("nobody"), reply_to=queue.name, headers={"traceparent": trace})

    await traced.widget.dead_letter()
    *_, refused, letter = await collector.until_told(trace[3:35])
    assert ("send {reply_to}", True, "refused") == (
        refused.name,
        refused.failed,
        refused.attributes["error.type"],
    )
    assert (False, None) == (letter.failed, letter.attributes.get("error.type"))


async def test_a_parked_request_comes_back(traced: Site, collector: Collector) -> None:
    """Both deliveries are children of the publisher; the first says that the request was parked."""
    marker, trace = name_of_letters(), new_trace()
    traced.simulator.faults.put(Fault(kind="status", status=503, count=1))

    await traced.widget.publish(
        create(ContactDetail=marker), message_id=marker, headers={"traceparent": trace}
    )

    spans = await collector.until_told(trace[3:35], requests=2)
    queue = f"{traced.prefix}.requests.campaign"
    process, event = f"process {queue}", f"{traced.prefix}.events:LCM.WebService.CreateContactResponse"
    assert [
        ("publisher", "CONSUMER", process),
        (process, "INTERNAL", "ledger claim"),
        (process, "CLIENT", "POST"),
        (process, "INTERNAL", "ledger record"),
        (process, "CLIENT", f"send {traced.prefix}.retry.{queue}.200"),
        ("publisher", "CONSUMER", process),
        (process, "INTERNAL", "ledger claim"),
        (process, "CLIENT", "POST"),
        (process, "INTERNAL", "ledger record"),
        (process, "PRODUCER", f"send {event}"),
    ] == tree(spans, trace)
    assert [("parked", False), ("ok", False)] == [
        (span.attributes["lcm_bridge.outcome"], span.failed) for span in spans if span.kind == "CONSUMER"
    ]


async def test_a_parked_request_without_a_context(traced: Site, collector: Collector) -> None:
    """Its second delivery is a child of the span that parked it."""
    marker = name_of_letters()
    traced.simulator.faults.put(Fault(kind="status", status=503, count=1))
    await traced.widget.publish(create(ContactDetail=marker), message_id=marker)

    def ids() -> set[str]:
        return {
            span.trace_id for span in collector.spans if marker == span.attributes.get("messaging.message.id")
        }

    await until(lambda: 1 == len(ids()), "its trace")
    spans = await collector.until_told(ids().pop(), requests=2)
    first, second = [span for span in spans if span.kind == "CONSUMER"]
    parking = named(spans, f"send {traced.prefix}.retry")
    assert ("", "PRODUCER", first.id, parking.id, [parking.place]) == (
        first.parent,
        parking.kind,
        parking.parent,
        second.parent,
        second.links,
    )
