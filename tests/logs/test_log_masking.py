"""Phone numbers, agent ids and what a line quotes of its request are masked; all else can be read."""

import logging
import re
from contextvars import copy_context
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs.log_lines import Lines

from bridge.case import log_about
from bridge.logs.masking import PERSONAL, mask_text
from bridge.quotes import mask

BLANKS = st.sampled_from(["", "", " ", "-", ".", "\u00a0", "\u2011", " ("])
WORDS = st.sampled_from(["", "call ", "no answer from ", "Kontakt: ", "(", "'", "tel:", "=", "\n"])
ENDS = st.sampled_from(["", " failed", ".", ", twice", "'", ")", ": it is closed", "\nnext line"])
FREE = ["error", "event", "exception", "source", "message", "reply_to"]


def is_address(text: str) -> bool:
    """Tell what is left readable: the IPv4 address of a node."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Draw a phone number of 7 to 15 digits as people and systems write it."""
    digits = draw(st.text(alphabet="0123456789", min_size=7, max_size=15))
    plus = draw(st.sampled_from(["", "+"]))
    return plus + digits[0] + "".join(draw(BLANKS) + digit for digit in digits[1:])


@pytest.mark.parametrize("key", FREE)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=numbers().filter(lambda text: not is_address(text)), before=WORDS, after=ENDS)
def test_a_phone_number_in_free_text_is_masked(
    lines: Lines, key: str, number: str, before: str, after: str
) -> None:
    """Of a number, however it is written and whatever stands around it, two digits are left at most."""
    log = lines.configure()
    text = f"{before}{number}{after}"
    if key == "event":
        log.info(text)
    else:
        log.info("some.event", **{key: text})
    shown = str(lines.last()[key])

    assert len(re.findall(r"\d", shown)) <= 2
    assert before.strip() in shown


@given(
    name=st.from_regex(r"[a-z0-9._+-]{4,20}", fullmatch=True),
    domain=st.sampled_from(["domain.com", "x.y.example"]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_agent_id_that_is_an_address_is_masked_in_free_text(lines: Lines, name: str, domain: str) -> None:
    """Such ids stand in LCM's messages and in the names of reply queues."""
    log = lines.configure()
    for key in FREE[:1] + FREE[2:]:
        log.info("some.event", **{key: f"Agent {name}@{domain} is not logged in"})

    for line in lines.read():
        assert f"{name}@" not in str(line)
        assert "is not logged in" in str(line)


@pytest.mark.parametrize("key", sorted(PERSONAL))
@pytest.mark.parametrize("value", ["testagent", "49|3|279|0|0|44|1253", 4930123456, "abc", ""])
def test_a_personal_key_is_masked_whatever_it_holds(lines: Lines, key: str, value: object) -> None:
    """Text or number, long or short: two characters are left at most."""
    lines.configure().info("some.event", **{key: value})

    assert mask(str(value)) == lines.last()[key]
    assert len(mask(str(value)).removeprefix("***")) <= 2


def test_masking_looks_into_what_is_nested(lines: Lines) -> None:
    """Maps and lists are masked inside; what lies too deep is not shown."""
    deep: Any = "0301234567"
    for _ in range(10):
        deep = [deep]
    lines.configure().info(
        "some.event", data={"agent": "testagent", "phone": [301234567], "error": ["0301234567"]}, error=deep
    )
    line = lines.last()

    assert {"agent": "***nt", "phone": "***7]", "error": ["***67"]} == line["data"]
    assert "0301234567" not in str(line)


@pytest.mark.parametrize(
    "text",
    [
        "LCM did not answer within 20.0 s",
        "LCM answered HTTP 502 without a result",
        "connecting to 127.0.0.1:5672",
        "no route to 10.20.30.40",
        "attempt 3 of 5",
        "queue lcm.requests.agent",
    ],
)
def test_what_is_no_number_of_a_person_stays_readable(lines: Lines, text: str) -> None:
    """Whoever is on call reads times, statuses and addresses of nodes."""
    lines.configure().info("some.event", error=text)

    assert text == lines.last()["error"]


@pytest.mark.parametrize("number", ["555.123.456.789", "020.7946.0018", "030.12.34.56"])
def test_a_number_with_dots_is_not_taken_for_an_address(lines: Lines, number: str) -> None:
    """Only four numbers up to 255, without leading zeros, are the address of a node."""
    lines.configure().info("some.event", error=f"call {number}")

    assert f"call ***{number[-2:]}" == lines.last()["error"]


@pytest.mark.parametrize(
    ("data", "said", "shown"),
    [
        ({"UserID": "testagent"}, "Agent testagent is not logged in", "Agent ***nt is not logged in"),
        ({"UserID": "agent"}, "data.UserID of agents, agent!", "data.UserID of agents, ***nt!"),
        ({"a": [{"b": "Jane Doe"}]}, "'Jane Doe' is unknown", "'***oe' is unknown"),
        ({"a": "<Data><Name>Jane Doe</Name></Data>"}, "no Jane Doe", "no ***oe"),
        ({"a": "J\u00fcrgen"}, r"no J\xfcrgen, J\u00fcrgen, Jürgen", "no ***en, ***en, ***en"),
        ({"a": 4711}, "order 4711 of 47110", "order *** of 47110"),
        ({"a": "x" * 100}, f"'{'x' * 60}...' is long", "'***xx...' is long"),
        ({"a": "Yes", "b": "true"}, "must be Yes or true", "must be Yes or true"),
        (b'{"a": "Jane \\u0044oe", bad', "found Jane Doe", "found ***oe"),
        (b"\xff\xfe", "not UTF-8", "not UTF-8"),
        (None, "Jane Doe", "Jane Doe"),
        ({"a": "jane.doe"}, "Agent JANE.DOE, Jane.Doe", "Agent ***oe, ***oe"),
        ({"a": "GR\u00d6\u00dfE 1"}, "\u1e9e, gr\u00f6\u00dfe 1", "\u1e9e, *** 1"),
        ({"a": "CORP\\jane.doe"}, r"'CORP\\jane.doe', CORP\jane.doe", "'***oe', ***oe"),
        ({"a": "O'Hara"}, r"'no O\'Hara' for O'Hara", "'no ***ra' for ***ra"),
        ({"a": 'Jane "Jo" Doe'}, r'"no Jane \"Jo\" Doe"', '"no ***oe"'),
        ({"a": "Jane Doe\nMain Street"}, r"no 'Jane Doe\nMain Street'", "no '***et'"),
        ({"a": "Jane\x01Doe"}, r"no Jane\x01Doe, Jane\u0001Doe", "no ***oe, ***oe"),
        ({"a": "<N>O&apos;Hara Maureen</N>"}, "no O'Hara Maureen", "no ***en"),
        ({"a": "<N>M&#252;ller</N>"}, r"no M\u00fcller, Müller, M&#252;ller", "no ***er, ***er, ***er"),
        ({"a": "Meier &amp; Sons"}, "no Meier & Sons", "no ***ns"),
        ({"a": "<N first=\"Jane\" last='Doe-Roe'/>"}, "no Jane Doe-Roe", "no *** ***oe"),
        ({"a": "<N><![CDATA[Jane <Doe>]]></N>"}, "no Jane", "no ***"),
    ],
)
def test_what_a_line_quotes_of_its_request_is_masked(
    lines: Lines, data: dict[str, Any] | bytes | None, said: str, shown: str
) -> None:
    """Whatever stands in the data, whole words of it, however escaped; only on the request's lines."""
    log = lines.configure()

    def work() -> None:
        log_about(data)
        log.info("some.event", error=said)

    copy_context().run(work)
    log.info("some.event", error=said)

    assert [shown, said] == [line["error"] for line in lines.read()]


def test_libraries_are_masked_too(lines: Lines) -> None:
    """Their text is free text, their tracebacks as well."""
    lines.configure()
    try:
        int("no agent testagent@domain.com at 030 1234567")
    except ValueError:
        logging.getLogger("some.library").exception("failed for %s", "+49 30 1234567")
    text = lines.text()

    assert "testagent" not in text
    assert "1234567" not in text
    assert "***67" in text


def test_masking_can_be_switched_off(lines: Lines) -> None:
    """With ``log.mask`` false a site sees numbers and ids; secrets it does not see."""
    log = lines.configure(mask=False)
    log.info("some.event", agent="testagent", error="call 0301234567 at amqp://u:hunter2@host")
    line = lines.last()

    assert "testagent" == line["agent"]
    assert "call 0301234567 at amqp://u:***@host" == line["error"]


INEQUIVALENT = (
    "inequivalent arg 'x-max-length' for queue 'lcm.requests': received '2000000' but current is '1000000'"
)


@pytest.mark.parametrize(
    "event", ["topology.not_established", "redis.away", "amqp.connection_lost", "tracing.not_exported"]
)
@pytest.mark.parametrize(
    "text",
    [
        INEQUIVALENT,
        "process is stopped by supervisor on node 'rabbit@rabbit-2.rabbit.svc'",
        "delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms",
        "Error 111 connecting to 10.0.12.34:6379. 111.",
        "Connect call failed ('2001:db8:0:1234:0:567:8:1', 5672, 0, 0)",
    ],
)
def test_what_a_dependency_says_is_shown(lines: Lines, event: str, text: str) -> None:
    """No requester gets there: limits, times and nodes are what the person on call looks for."""
    lines.configure().warning(event, error=text, nested=[text])

    line = lines.last()

    assert (text, [text]) == (line["error"], line["nested"])


def test_what_a_dependency_says_of_a_request_is_masked(lines: Lines) -> None:
    """What is quoted of the request that noticed it, log-ins, and all in a traceback."""
    log = lines.configure()

    def work() -> None:
        log_about({"agent": "testagent", "phone": 301234567})
        log.warning("redis.away", error="testagent 301234567 at redis://u:hunter2@host", agent="4711-1147")
        try:
            int("no 0309876543")
        except ValueError as error:
            log.exception("consumer.failed", error=str(error))

    copy_context().run(work)
    said, fault = lines.read()

    assert ("***nt ***67 at redis://u:***@host", "***47") == (said["error"], said["agent"])
    assert "0309876543" not in str(fault)


@pytest.mark.parametrize(
    "text",
    [
        "the delayed queue lcm.retry.lcm.requests.agent.300000 is gone",
        "connecting to ip-10-0-12-34.ec2.internal:6379",
        "connecting to ip-10-0-12-34",
        "connecting to 10-244-1-17.rabbit.svc.cluster.local",
        "connecting to redis-2026.cache.internal",
        "replies-550e8400-e29b-41d4-a716-446655440000",
        "12345678-e29b-41d4-a716-446655440000",
        "queue_202611_1",
    ],
)
def test_digits_in_the_name_of_a_host_or_queue_are_no_number_of_a_person(lines: Lines, text: str) -> None:
    """Letters touch them, or dots with letters: on any line."""
    lines.configure().info("publish.failed", error=text)

    assert text == lines.last()["error"]


@pytest.mark.parametrize(
    "text",
    [
        "call-0301234567",
        "call-030-1234567",
        "agent0301234567",
        "queue_0301234567",
        "Tel.0301234567",
        "call 0301234567.Then wait",
        "call 0301234567. Then wait",
        "0301234567-",
        r"name\n0301234567",
        r"tel:\u00a00301234567",
        r"\xc2\xa00301234567",
        "www.example.com. 0301234567",
    ],
)
def test_a_phone_number_beside_letters_is_masked(lines: Lines, text: str) -> None:
    """Abbreviations, full stops without a blank and escaped characters are no names of hosts."""
    lines.configure().info("lcm.call_failed", error=text)

    assert "123456" not in lines.last()["error"]


@pytest.mark.parametrize("at", [0, 1, 39, 40, 41, 500])
def test_an_id_stays_readable_wherever_it_stands(at: int) -> None:
    """Other numbers around it change nothing."""
    one = "550e8400-e29b-41d4-a716-446655440000"
    text = f"{'x ' * at}{one} x {'0301234567 x ' * 10}"

    assert text.replace("0301234567", "***67") == mask_text(text)


def test_many_numbers_in_a_long_text_are_masked() -> None:
    """`lcm-bridge dead-letters show` prints whole bodies: looked through for each number, one takes hours."""
    assert "1234567" not in mask_text("1234567 a " * 25_000)
