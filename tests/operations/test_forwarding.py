"""What the bridge notes on a request that it sends on, and what it believes of one that comes in."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from operations.core_deliveries import FULL, delivered
from operations.core_letters import OWN_USER, in_the_queue, letter, written

from bridge import forwarding
from bridge.messages import Delivery, Outgoing, RequestKey

OWN = frozenset({OWN_USER, "bridge-two"})
QUEUE = "lcm.retry.lcm.requests.agent.1000"


def park(delivery: Delivery, **terms: Any) -> Outgoing:
    """Park a delivery for the third time."""
    return forwarding.parked(delivery, **{"queue": QUEUE, "attempts": 3, "deadline": None, **terms})


def back(outgoing: Outgoing, *, user: str | None = "bridge", redelivered: bool = False) -> Delivery:
    """Have a parked request delivered again, as the broker does after its time to live."""
    deaths = {
        "x-death": [{"reason": "expired", "queue": QUEUE}],
        "x-first-death-exchange": "",
        "x-first-death-queue": QUEUE,
        "x-first-death-reason": "expired",
        "x-last-death-exchange": "",
        "x-last-death-queue": QUEUE,
        "x-last-death-reason": "expired",
    }
    properties = replace(outgoing.properties, user_id=user, headers={**outgoing.properties.headers, **deaths})
    delivery = replace(
        delivered(body=outgoing.body), exchange="", routing_key="lcm.requests.agent", redelivered=redelivered
    )
    return forwarding.received(replace(delivery, properties=properties), OWN)


@pytest.mark.parametrize("properties", [FULL, {}], ids=["full", "bare"])
def test_a_parked_request_comes_back_as_it_was(properties: dict[str, Any]) -> None:
    """Body, properties and whence it came; persistent, and counted."""
    delivery = delivered(body=b"\xff", **properties)
    returned = back(park(delivery))

    expected = replace(
        delivery,
        properties=replace(delivery.properties, delivery_mode=2),
        parked=True,
        attempts=3,
        settler=returned.settler,
    )
    assert expected == returned


def test_a_request_that_is_parked_again_and_again_stays_as_it_was() -> None:
    """Nothing piles up in its headers."""
    once = back(park(delivered(**FULL)))
    again = back(park(back(park(once))))

    assert once == replace(again, settler=once.settler)


def test_it_goes_by_the_default_exchange_and_bears_our_name() -> None:
    """Mandatory, signed, without an expiration that would end it in the delayed queue."""
    outgoing = park(delivered(**FULL))

    assert ("", QUEUE, True, True, None, None, 2) == (
        outgoing.exchange,
        outgoing.routing_key,
        outgoing.mandatory,
        outgoing.signed,
        outgoing.properties.expiration,
        outgoing.properties.user_id,
        outgoing.properties.delivery_mode,
    )


def test_a_deadline_is_kept_in_a_header() -> None:
    """In unix milliseconds; the expiration alone would count anew from each delivery."""
    returned = back(park(delivered(**FULL), deadline=1_700_000_005.25))

    assert 1_700_000_005_250 == returned.properties.headers["x-deadline"]
    assert 1_700_000_005.0 == returned.deadline()  # the request's own, which is earlier, still counts


def test_a_deadline_beyond_all_time_can_be_written() -> None:
    """A header holds no infinity."""
    assert 2**52 == park(delivered(), deadline=float("inf")).properties.headers["x-deadline"]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_redelivery_is_not_forgotten(*, before: bool, after: bool) -> None:
    """Neither one before the request was parked, nor one since."""
    delivery = replace(delivered(), redelivered=before)
    returned = back(park(delivery), redelivered=after)

    assert (before or after, True) == (returned.redelivered, returned.repeated)


@pytest.mark.parametrize("name", ["CC", "BCC", "x-death", "x-first-death-queue"])
def test_what_the_broker_acts_on_is_not_sent_on(name: str) -> None:
    """Neither to a delayed queue nor with a replay; a dead letter keeps it for people to see."""
    delivery = delivered(headers={name: ["lcm.requests.agent"], "theirs": "kept"})
    sent_on = [
        park(delivery),
        forwarding.replayed(delivery, exchange="", routing_key="lcm.requests.agent", key=None),
    ]

    assert [(False, True)] * 2 == [
        (name in one.properties.headers, "theirs" in one.properties.headers) for one in sent_on
    ]


def test_the_time_of_holding_counts_from_its_beginning() -> None:
    """Parked again while Redis is away, it is held since the first time."""
    returned = back(park(replace(delivered(), held_since=1_700_000_000.5), held=True))

    assert 1_700_000_000.5 == returned.held_since


def test_a_request_that_is_parked_for_another_reason_is_held_no_more() -> None:
    """The next time that Redis is away counts anew."""
    held = back(park(replace(delivered(), held_since=1_700_000_000.5), held=True))

    assert back(park(held)).held_since is None


def test_holding_begins_now() -> None:
    """A request that was not held before."""
    before = datetime.now(UTC).timestamp() - 0.001
    returned = back(park(delivered(), held=True))

    assert returned.held_since is not None
    assert before <= returned.held_since <= datetime.now(UTC).timestamp() + 0.001


@pytest.mark.parametrize("message_id", [None, ""])
def test_a_message_id_that_was_made_is_no_key(message_id: str | None) -> None:
    """A request without one gets one for the way, and has none when it is back."""
    delivery = delivered(reply_to="q", correlation_id="c", message_id=message_id)
    outgoing = park(delivery)

    assert outgoing.properties.message_id
    assert delivery.key() == back(outgoing).key()


@pytest.mark.parametrize("user", [None, "", "stranger", "Bridge"])
def test_a_forged_note_is_taken_off(user: str | None) -> None:
    """Whoever is not vouched for as the bridge says nothing of attempts, holding and redelivery."""
    outgoing = park(
        replace(delivered(**FULL), redelivered=True, held_since=1.0), held=True, deadline=1_800_000_000.0
    )
    returned = back(outgoing, user=user)

    assert (False, 0, False, None, user) == (
        returned.parked,
        returned.attempts,
        returned.redelivered,
        returned.held_since,
        returned.properties.user_id,
    )
    assert not forwarding.NOTES & returned.properties.headers.keys()
    assert 1_800_000_000_000 == returned.properties.headers["x-deadline"]  # anyone may set a deadline


@pytest.mark.parametrize("user", sorted(OWN))
def test_every_user_of_the_bridges_own_is_believed(user: str) -> None:
    """It may log in to each node by another name."""
    assert 3 == back(park(delivered()), user=user).attempts


def test_a_request_that_only_bears_our_name_is_no_parked_one() -> None:
    """A bridge that is a requester itself, or shares its user with one."""
    delivery = delivered(user_id="bridge", headers={"x-redelivered": True, "x-original-user-id": "root"})
    returned = forwarding.received(delivery, OWN)

    assert (False, False, "bridge", {}) == (
        returned.parked,
        returned.redelivered,
        returned.properties.user_id,
        returned.properties.headers,
    )


def test_a_plain_request_is_left_alone() -> None:
    """The very same object: nothing is copied for what everyone sends."""
    delivery = delivered(**FULL)

    assert delivery is forwarding.received(delivery, OWN)


@pytest.mark.parametrize(
    ("redelivered", "count", "expected"),
    [(True, 7, 7), (False, 7, 0), (True, "7", 0), (True, -1, 0), (True, True, 0), (True, None, 0)],
)
def test_the_brokers_count_of_deliveries(*, redelivered: bool, count: object, expected: int) -> None:
    """Read from the header of quorum queues; a publisher's own is no redelivery."""
    delivery = replace(delivered(headers={"x-delivery-count": count, "x": 1}), redelivered=redelivered)
    returned = forwarding.received(delivery, OWN)

    assert (expected, {"x": 1}) == (returned.deliveries, returned.properties.headers)


def test_the_brokers_count_of_a_parked_request() -> None:
    """It counts since the request is back."""
    outgoing = park(delivered())
    outgoing.properties.headers["x-delivery-count"] = 7

    assert 7 == back(outgoing, redelivered=True).deliveries


def test_how_often_it_was_given_out() -> None:
    """RabbitMQ 4.3 tells that in a header of its own: it is no count of failures, and goes no further."""
    delivery = replace(delivered(headers={"x-acquired-count": 7, "x": 1}), redelivered=True)
    returned = forwarding.received(delivery, OWN)

    assert (0, {"x": 1}) == (returned.deliveries, returned.properties.headers)


@pytest.mark.parametrize("note", sorted(forwarding.NOTES))
@pytest.mark.parametrize("value", ["soon", -1, 2**70, [], {}, None, True, 1.5])
def test_a_damaged_note_does_no_harm(note: str, value: object) -> None:
    """A note of ours that cannot be read is none: the request is read all the same."""
    outgoing = park(delivered(**FULL))
    damaged = replace(
        outgoing,
        properties=replace(outgoing.properties, headers={**outgoing.properties.headers, note: value}),
    )

    returned = back(damaged)

    assert b"{}" == returned.body
    exchange = "lcm.requests" if note != "x-original-exchange" else "soon" if value == "soon" else ""
    assert exchange == returned.exchange
    assert {type(returned.properties.user_id), type(returned.properties.expiration)} <= {str, type(None)}


def test_a_replay_of_a_replay() -> None:
    """What is replayed, fails and dies again has its key, its user and its way, and starts at no attempts."""
    request = delivered(reply_to="q", user_id="widget", headers={"x-own": 1})
    for key in ("replay-1", None):
        found = letter(written(request))
        outgoing = forwarding.replayed(found.request, exchange="x", routing_key="y", key=key)
        assert ("x", "y") == (outgoing.exchange, outgoing.routing_key)
        request = forwarding.received(in_the_queue(outgoing), OWN)

    assert RequestKey("header", ("replay-1",)) == request.key()
    assert ("lcm.requests", "LCM.WebService.GetReservedContactOD", 0, "widget", None) == (
        request.exchange,
        request.routing_key,
        request.attempts,
        request.properties.user_id,
        request.properties.message_id,
    )
    assert {"x-own": 1, "idempotency-key": "replay-1"} == request.properties.headers


def test_a_replay_has_no_deadline() -> None:
    """Neither the one that stood in a header nor the one of its expiration."""
    request = delivered(message_id="m", expiration="5000", headers={"x-deadline": 1})

    found = letter(written(request))
    outgoing = forwarding.replayed(found.request, exchange="x", routing_key="y", key=None)

    assert forwarding.received(in_the_queue(outgoing), OWN).deadline() is None
    assert outgoing.properties.expiration is None
