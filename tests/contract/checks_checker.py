"""The envelope checker of the page says what the bridge says."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from contract.corpus import Case, cases

from bridge.asyncapi import document
from bridge.envelope import ReplyAsRequest, parse
from bridge.failures import Failure, InvalidData, InvalidEnvelope, UnknownOperation
from bridge.messages import Delivery, Properties
from bridge.operations.catalogue import OPERATIONS, Catalogue
from bridge.operations.declared.reading import read
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.page.contract import Contract
from bridge.page.rules import rules
from bridge.page.scripts import checker
from bridge.replies import ReplyPolicy, error_event, failure_body
from bridge.settings import Settings
from bridge.strictjson import Limits

DRIVER = Path(__file__).with_name("check_envelopes.mjs")
OWN = ["lcm.requests.agent", "lcm.requests.campaign", "lcm.dead-letters"]
KEYS = {
    "header": "the header idempotency-key",
    "message-id": "message_id",
    "reply-address": "reply_to and correlation_id",
}
Verdict = dict[str, Any]


class Nobody:
    """Settles nothing: these deliveries come from no broker."""

    lost = False

    async def ack(self) -> None:
        """Do nothing."""

    async def requeue(self, *, failed: bool) -> None:
        """Do nothing."""


def delivery(case: Case) -> Delivery:
    """Return the case as the broker would deliver it."""
    given = case.properties
    headers = {
        name: value
        for name, value in (
            ("idempotency-key", given.get("idempotencyKey")),
            ("x-deadline", given.get("deadline")),
        )
        if value
    }
    return Delivery(
        body=case.text.encode(),
        properties=Properties(
            headers=headers,
            reply_to=given.get("replyTo") or None,
            correlation_id=given.get("correlationId") or None,
            message_id=given.get("messageId") or None,
        ),
        queue="lcm.requests.agent",
        exchange="lcm.requests",
        routing_key="",
        redelivered=False,
        settler=Nobody(),
    )


def bridge_says(case: Case, operations: Catalogue) -> Verdict:
    """Return the bridge's verdict: its own parts, in the order of `bridge.pipeline`."""
    given = delivery(case)
    policy = ReplyPolicy(allowed=["*"], own_queues=OWN, own_prefix="lcm.retry.")
    verdict: Verdict = {"outcome": "refused", "operation": None}
    channel = None
    route = None
    if refusal := policy.refusal(given.reply_to):
        return {**verdict, "outcome": "dead-lettered", "deadLetter": "reply-to-refused", "reason": refusal}
    try:
        envelope = parse(given.body, Limits())
        channel = envelope.channel
        operation, route = operations.find(envelope)
        verdict["operation"] = operation.name
        given.deadline()
        key = given.key()
        command = operation.translate(envelope)
    except ReplyAsRequest:
        reason = "the envelope is a reply"
        return {**verdict, "outcome": "dead-lettered", "deadLetter": "reply-as-request", "reason": reason}
    except Failure as failure:
        if isinstance(failure, InvalidEnvelope) and route is None:
            channel = failure.channel
        known = route is not None and not isinstance(failure, UnknownOperation)
        reply = (
            failure_body(route.reply, failure)
            if route is not None and known and operation.replies
            else None
            if known
            else error_event(channel, failure)
        )
        details = (
            [{"field": field, "problem": problem} for field, problem in failure.details]
            if isinstance(failure, InvalidData)
            else None
        )
        told = {
            "errorType": failure.error_type,
            "reason": failure.message,
            "details": details,
            "reply": reply,
        }
        return {**verdict, **told}
    accepted = {"sideEffect": command.side_effect, "key": None if key is None else KEYS[key.source]}
    return {**verdict, "outcome": "accepted", **accepted}


def alike(value: Any) -> Any:
    """Return a verdict without the words that may differ: what is wrong with XML, names of characters."""
    text = json.dumps(value, sort_keys=True)
    text = re.sub(r"must (?:be well-formed XML|not declare a document type)[^;\"]*", "BAD XML", text)
    return re.sub(r"(?:an? [a-z0-9 -]+|the character) \(U\+", "CHARACTER (U+", text)


OWN_OPERATION = """
name = "Everything"
about = "Has a field of each type."
queue = "campaign"
side_effect_when = { Kind = "two" }

[[routes]]
subtopic = "Everything"
reply = "EverythingDone"

[[routes]]
subtopic = "AddCompliance"
reply = "EverythingAdded"
told_by = { members = ["Words", "Number"], least = 2 }

[data]
Words = { type = "text", one_of = ["One", "a-b/c d", "Stra\u00dfe"], aliases = ["Word"], required = false }
Kind = { type = "text", one_of = ["one", "two"], default = "one" }
Long = { type = "text", shortest = 3, longest = 9, required = false }
Number = { type = "integer", least = -5, most = 5, aliases = ["No"], required = false }
Amount = { type = "decimal", least = -10, most = 1000, aliases = ["Sum"], required = false }
Flag = { type = "flag", aliases = ["Is"], required = false }
Xml = { type = "xml", longest = 40, aliases = ["Fields"], required = false }
Phone = { type = "phone", longest = 12, aliases = ["Dial"], required = false }
Object = { type = "object", aliases = ["Thing"], required = false }
Array = { type = "array", longest = 2, aliases = ["Things"], required = false }
From = { type = "minute", required = false }
To = { type = "minute", not_before = "From", required = false }
First = { type = "date", required = false }
Last = { type = "date", not_before = "First", required = false }
At = { type = "time", required = false }

[reply]
shape = "success"

[example]
data = '''
{
  "Words": "ONE", "Kind": " TWO ", "Number": 3, "Object": {"a": [1]},
  "From": "24/10/2024 07:32", "Last": "24/10/2024"
}'''
result = "true"
"""
OPERATIONS_OF = {
    "the contract's": OPERATIONS,
    "the vendor's too": (*OPERATIONS, *siblings()),
    "a site's own": (*OPERATIONS, read(OWN_OPERATION, "own.toml")),
}


@pytest.mark.parametrize("which", OPERATIONS_OF)
def test_the_checker_agrees_with_the_bridge(which: str) -> None:
    """The same operation, errorType, fields and words, and the same reply, for whatever is published."""
    operations = Catalogue(Rules(), OPERATIONS_OF[which])
    every = list(cases(list(operations.operations)))
    given = {
        "script": checker(),
        "rules": rules(Contract(document(operations, Settings()))),
        "cases": every,
    }
    ended = subprocess.run(  # noqa: S603 - the project's own
        ["node", str(DRIVER)],  # noqa: S607 - wherever it is
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[Verdict] = json.loads(ended.stdout)

    assert len(every) == len(found) > 500
    differing = []
    for case, verdict in zip(every, found, strict=True):
        expected = bridge_says(case, operations)
        actual = {key: verdict.get(key) for key in expected}
        if alike(expected) != alike(actual):
            differing.append((case, expected, actual))
    assert [] == differing[:5], f"{len(differing)} of {len(every)} differ"
