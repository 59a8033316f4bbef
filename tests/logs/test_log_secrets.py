"""Log-ins and bodies are in no line, whether or not a site masks people."""

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs.log_lines import Lines


def test_log_ins_are_hidden_in_what_is_nested(lines: Lines) -> None:
    """With and without masking, in values, names and texts of errors."""
    url = "amqp://u:hunter2@host/vhost"
    for masked in (True, False):
        log = lines.configure(mask=masked)
        log.info(
            "some.event", nodes=[url], map={url: (url,)}, error=ValueError(url), settings={"a": {"b": url}}
        )
        text = lines.text()

        assert "hunter2" not in text
        assert 5 == text.count("u:***@host")


def test_bytes_are_not_shown(lines: Lines) -> None:
    """They are bodies, or parts of them."""
    lines.configure(mask=False).info("some.event", body=b"secret", parts=[b"secret"])
    line = lines.last()

    assert ("(6 bytes)", ["(6 bytes)"]) == (line["body"], line["parts"])


@pytest.mark.parametrize("masked", [True, False])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8))
def test_no_password_in_a_url_is_logged(lines: Lines, *, masked: bool, password: str) -> None:
    """Libraries quote URLs; whatever a password holds, it is not in the line."""
    url = f"amqps://user:{password}hunter2{password}@rabbit:5671/vhost"
    log = lines.configure(mask=masked)
    log.info("some.event", error=f"cannot connect to {url} now", node=url)
    logging.getLogger("aio_pika").warning("Connection attempt to %s failed", url)

    assert "hunter2" not in lines.text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "amqp://u:S@a:1/,amqp://u:S@b:2/,amqps://u:S@c/",
            "amqp://u:***@a:1/,amqp://u:***@b:2/,amqps://u:***@c/",
        ),
        ("amqp://u:***@a:1/,amqp://u:***@b:2/", "amqp://u:***@a:1/,amqp://u:***@b:2/"),
        ("http://a:1/x,http://b/y?u=me@corp", "http://a:1/x,http://b/y?u=me@corp"),
        (
            "bad amqp://me@corp.com:S@host/ or amqp://u:S@b",
            "bad amqp://me@corp.com:***@host/ or amqp://u:***@b",
        ),
        (f"amqp://u:{'x' * 300}S@host/", "amqp://u:***@host/"),
        ("redis://:S@host:1/0", "redis://:***@host:1/0"),
        ("http://proxy/amqp://u:S@host", "http://proxy/amqp:***@host"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
    ],
)
def test_each_log_in_is_hidden_and_each_host_is_shown(lines: Lines, text: str, shown: str) -> None:
    """Of several nodes, whatever users and passwords hold, however long they are."""
    lines.configure(mask=False).info("some.event", error=text)

    assert shown == lines.last()["error"]


@pytest.mark.parametrize("distance", [*range(3965, 4005), 100_000])
@pytest.mark.parametrize("beside", [" ", "x"])
def test_a_text_is_not_cut_within_a_log_in(lines: Lines, distance: int, beside: str) -> None:
    """Where a long text is cut, no half of a password is left on either side."""
    url = f"{beside}amqp://user:begun-and-ended@host/"
    far = "x " * 50_000
    lines.configure(mask=False).info(
        "some.event", head=far[:distance] + url + far, tail=far + url + far[:distance]
    )
    line = lines.text()

    assert "begun" not in line
    assert "ended" not in line
