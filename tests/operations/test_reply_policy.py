"""Which queues a reply may be written to."""

from fnmatch import fnmatchcase

import pytest

from bridge.replies import ReplyPolicy

POLICY = ReplyPolicy(
    allowed=["widget.*", "amq.rabbitmq.reply-to.*", "desk-??"],
    own_queues=["lcm.requests.agent", "lcm.dead-letters", "widget.own"],
    own_prefix="lcm.retry.",
)


@pytest.mark.parametrize("queue", [None, "widget.7", "widget.", "desk-12", "amq.rabbitmq.reply-to.g1h2"])
def test_a_reply_may_go_where_a_pattern_allows(queue: str | None) -> None:
    """And nowhere if nobody asked for one."""
    assert POLICY.refusal(queue) is None


@pytest.mark.parametrize(
    "queue", ["Widget.7", "desk-123", "other", "my.widget.7", "amq.gen-x", "lcm.requests"]
)
def test_a_reply_may_not_go_elsewhere(queue: str) -> None:
    """The patterns cover the whole name, in its case."""
    assert "reply_to is not allowed by replies.allowed_reply_to" == POLICY.refusal(queue)


def test_a_reply_may_go_nowhere_if_nothing_is_allowed() -> None:
    """An empty list is no pattern that fits."""
    nothing = ReplyPolicy(allowed=[], own_queues=[], own_prefix="lcm.retry.")

    for queue in ("widget.7", "x"):
        assert "reply_to is not allowed by replies.allowed_reply_to" == nothing.refusal(queue)


@pytest.mark.parametrize("pattern", ["a|b", "a.b", "(a", "[!a]x", "a*|*b"])
def test_a_pattern_is_no_regular_expression(pattern: str) -> None:
    """Only ``*``, ``?`` and brackets have a meaning, beside other patterns too."""
    policy = ReplyPolicy(allowed=["desk", pattern], own_queues=[], own_prefix="lcm.retry.")

    for queue in (
        "a",
        "b",
        "a|b",
        "a.b",
        "axb",
        "(a",
        "ax",
        "bx",
        "a1|2b",
        "a1",
        "2b",
        "desk",
        "desk\n",
        "xdesk",
    ):
        allowed = queue == "desk" or fnmatchcase(queue, pattern)
        assert allowed == (policy.refusal(queue) is None)


@pytest.mark.parametrize(
    "queue", ["lcm.requests.agent", "lcm.dead-letters", "widget.own", "lcm.retry.lcm.requests.agent.1000"]
)
def test_a_reply_may_never_go_to_an_own_queue(queue: str) -> None:
    """Whatever the patterns say: it would be a loop."""
    everything = ReplyPolicy(
        allowed=["*"],
        own_queues=["lcm.requests.agent", "lcm.dead-letters", "widget.own"],
        own_prefix="lcm.retry.",
    )

    for policy in (POLICY, everything):
        assert "reply_to names one of the bridge's own queues" == policy.refusal(queue)
    assert everything.refusal("lcm.requests.agent2") is None
