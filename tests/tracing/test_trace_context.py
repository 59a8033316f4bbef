"""W3C Trace Context, read from what anybody may have written."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from operations.core_deliveries import delivered
from yarl import URL

from bridge.forwarding import parked
from bridge.lcm.http import Head
from bridge.messages import Properties
from bridge.operations.model import Address
from bridge.replies import event, reply, reply_body
from bridge.tracecontext import LONGEST_PARENT, LONGEST_STATE, TraceContext, read
from bridge.tracing.trace import Tracing

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = f"00-{TRACE_ID}-b7ad6b7169203331-01"
KEYS = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUES = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")


def ids(digits: int) -> st.SearchStrategy[str]:
    """Ids of so many hex digits that are not all zero."""
    return st.text("0123456789abcdef", min_size=digits, max_size=digits).filter(lambda text: text.strip("0"))


def keys() -> st.SearchStrategy[str]:
    """Keys of list-members: simple ones, and those of a tenant of a system."""
    first = st.sampled_from("abcdefghijklmnopqrstuvwxyz")
    simple = st.builds(str.__add__, first, st.text(KEYS, max_size=20))
    tenants = st.text(KEYS, max_size=10).map(lambda rest: f"0{rest}")
    systems = st.builds(str.__add__, first, st.text(KEYS, max_size=13))
    return simple | st.builds(lambda tenant, system: f"{tenant}@{system}", tenants, systems)


values = st.text(VALUES, min_size=1, max_size=20).map(lambda text: f"{text.rstrip()}x")
states = st.dictionaries(keys(), values, min_size=1, max_size=8).map(
    lambda pairs: ",".join(f"{key}={value}" for key, value in pairs.items())
)


@given(ids(32), ids(16), st.integers(0, 255), states)
def test_what_is_right_is_passed_on_as_it_came(trace_id: str, parent: str, flags: int, state: str) -> None:
    """Version 00 with any flags, and a tracestate, of which nothing is rewritten."""
    traceparent = f"00-{trace_id}-{parent}-{flags:02x}"
    found = read({"traceparent": traceparent, "tracestate": state, "other": "x"})

    assert TraceContext(traceparent, state) == found
    assert trace_id == found.trace_id


@given(
    st.integers(1, 254),
    ids(32),
    ids(16),
    st.integers(0, 255),
    st.just("") | st.text(max_size=50).filter(lambda text: "\n" not in text).map(lambda text: f"-{text}"),
)
def test_a_later_version_is_read_as_far_as_it_is_known(
    version: int, trace_id: str, parent: str, flags: int, rest: str
) -> None:
    """It goes on as version 00, with the one flag that 00 knows, and nothing of what follows."""
    found = read({"traceparent": f"{version:02x}-{trace_id}-{parent}-{flags:02x}{rest}"})

    assert TraceContext(f"00-{trace_id}-{parent}-0{flags & 1}") == found


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        TRACE[:-1],
        f"{TRACE}0",
        f"{TRACE}-",
        f"{TRACE}-what-the-future-will-be-like",
        f" {TRACE}",
        f"{TRACE} ",
        f"{TRACE}\n",
        f"{TRACE}\r\nX-Evil: 1",
        TRACE.upper(),
        TRACE.replace("af", "AF"),
        TRACE.replace("0af", "0ag"),
        TRACE.replace("-", "_"),
        TRACE.replace("0a", "\N{ARABIC-INDIC DIGIT ZERO}a"),
        f"ff-{TRACE_ID}-b7ad6b7169203331-01",
        f"ff-{TRACE_ID}-b7ad6b7169203331-01-x",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"cc-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-b7ad6b7169203331",
        f"00-{TRACE_ID}-b7ad6b7169203331-",
        f"00-{TRACE_ID}-b7ad6b7169203331-1",
        f"00-{TRACE_ID}-b7ad6b7169203331-0x",
        f"cc-{TRACE_ID}-b7ad6b7169203331-01.what",
        f"cc-{TRACE_ID}-b7ad6b7169203331-01-a\r\nX-Evil: 1",
        f"cc-{TRACE_ID}-b7ad6b7169203331-01-{'x' * LONGEST_PARENT}",
        "0" * 200_000,
        5,
        None,
        True,
        TRACE.encode(),
        [TRACE],
        {"traceparent": TRACE},
    ],
)
def test_what_is_no_traceparent_is_as_good_as_none(traceparent: object) -> None:
    """And then a tracestate beside it means nothing."""
    assert read({"traceparent": traceparent, "tracestate": "a=b"}) is None


def test_a_tracestate_alone_is_nothing() -> None:
    """There is no trace that it could belong to."""
    assert read({"tracestate": "a=b"}) is None


@pytest.mark.parametrize(
    "state",
    [
        "a=b",
        "a=b,c=d",
        "a=b , \tc=d\t,",
        ",,a=b,,",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "0tenant@system=1",
        "a=!#$%&'()*+-./:;<>?@[]^_`{|}~",
        "a=b c",
        f"a={'x' * 256}",
        f"{'k' * 256}=x",
        ",".join(f"k{number}=x" for number in range(32)),
        f"a={'x' * 200},b={'x' * 200},c={'x' * (LONGEST_STATE - 408)}",
    ],
)
def test_a_tracestate_is_passed_on(state: str) -> None:
    """Up to 32 list-members of any vendor's, and white space and empty members as they came."""
    assert TraceContext(TRACE, state) == read({"traceparent": TRACE, "tracestate": state})


@pytest.mark.parametrize(
    "state",
    [
        "",
        " ",
        ",",
        "a",
        "a=",
        "=b",
        "a==b",
        "A=b",
        "0a=b",
        "ä=b",
        "a=ä",
        "a=b\r\nX-Evil: 1",
        "a=b\r\n",
        "\x0ba=b",
        "a=b\x00",
        "a=b\x7f",
        "a =b",
        "a=b,c",
        "a=b,a=c",
        "a@=b",
        "@a=b",
        "a@b@c=d",
        f"a@{'b' * 15}=c",
        f"{'k' * 257}=x",
        f"a={'x' * 257}",
        ",".join(f"k{number}=x" for number in range(33)),
        f"a={'x' * 200},b={'x' * 200},c={'x' * (LONGEST_STATE - 407)}",
        "a=b," * 100_000,
        b"a=b",
        ["a=b"],
        5,
    ],
)
def test_a_tracestate_that_is_malformed_or_too_long_is_dropped(state: object) -> None:
    """Whole, and the traceparent stays."""
    assert TraceContext(TRACE) == read({"traceparent": TRACE, "tracestate": state})


anything: st.SearchStrategy[Any] = (
    st.text()
    | st.binary()
    | st.integers()
    | st.none()
    | st.text("0123456789abcdef-\r\n: \t,=", max_size=80)
    | st.builds(lambda text: f"cc-{TRACE_ID}-b7ad6b7169203331-01-{text}", st.text())
    | st.just(TRACE)
)


@given(anything, anything | st.builds(lambda text: f"a={text}", st.text()))
@example(TRACE, "a=b")
def test_nothing_of_a_strangers_makes_a_header_line(traceparent: object, tracestate: object) -> None:
    """Whatever stands in the two headers, a request to LCM has the lines that it should have, and no more."""
    context = read({"traceparent": traceparent, "tracestate": tracestate})
    head = Head(URL("http://lcm/x"), {})
    lines = head.request(b"{}", "key", context).split(b"\r\n\r\n")[0].split(b"\r\n")
    bare = head.request(b"{}", "key").split(b"\r\n\r\n")[0].split(b"\r\n")
    added = [line.decode("ascii") for line in lines if line not in bare]

    assert bare == [line for line in lines if line in bare]
    assert all(re.fullmatch(r"(traceparent|tracestate): [ -~\t]+", line) for line in added)
    assert len(added) == (0 if context is None else 1 if context.state is None else 2)


@pytest.mark.parametrize("state", [None, "a=b"])
def test_replies_and_events_bear_both(state: str | None) -> None:
    """As the request had them; a tracestate only if there was one. What is sent on keeps what it has."""
    headers = {"traceparent": TRACE} | ({} if state is None else {"tracestate": state})
    delivery = delivered(headers=headers, reply_to="q")
    address = Address("LCM", "WebService", "ContactOD")
    body = reply_body(address, {})

    trace = Tracing().begin(delivery)

    for outgoing in (reply(delivery, body), event(delivery, address, body, exchange="e")):
        trace.sending(outgoing)
        borne = outgoing.properties.headers
        assert headers == {name: borne[name] for name in ("traceparent", "tracestate") if name in borne}
    sent_on = parked(
        replace(delivery, properties=Properties(headers={"traceparent": "t"})),
        queue="q",
        attempts=0,
        deadline=None,
    )
    trace.sending(sent_on)
    assert "t" == sent_on.properties.headers["traceparent"]


@pytest.mark.parametrize("state", ["a=X", "a=b\t,c=d", " a=b ", "a=b,,"])
def test_blanks_and_empty_members_stay_as_they_came(state: str) -> None:
    """Both are allowed around members."""
    assert TraceContext(TRACE, state) == read({"traceparent": TRACE, "tracestate": state})


def test_the_longest_traceparent() -> None:
    """512 characters of a later version are looked at."""
    later = f"cc{TRACE[2:]}-"

    assert TraceContext(TRACE) == read({"traceparent": later.ljust(512, "x")})
    assert read({"traceparent": later.ljust(513, "x")}) is None


def test_a_context_is_written_in_place_of_another() -> None:
    """A tracestate is that of its own traceparent: without one, another's goes."""
    headers = {"traceparent": "t", "tracestate": "other=1", "x": 1}
    TraceContext(TRACE).write(headers)

    assert {"traceparent": TRACE, "x": 1} == headers
