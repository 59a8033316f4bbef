"""Judges what came back for a scene against the contract: body, properties, headers, event, dead letter."""

import json

from aio_pika.abc import AbstractIncomingMessage

from bridge.demo.expectation import differences, order_faults
from bridge.demo.requester import REPLY_SECONDS, Outcome
from bridge.demo.scene import Scene
from bridge.jsontypes import JsonValue

APP_ID = "lcm-bridge"


def faults_of(scene: Scene, outcome: Outcome) -> list[str]:
    """Return everything that is not as the contract says, one line each."""
    faults: list[str] = []
    if scene.reply != "none":
        faults += _missing("reply", outcome.reply) or _message_faults(scene, outcome, outcome.reply)
    if scene.event or (scene.reply == "none" and scene.dead_letter is None):
        faults += _missing("event", outcome.event) or _event_faults(scene, outcome)
    if scene.dead_letter is not None:
        faults += _missing("dead letter", outcome.dead_letter) or _dead_letter_faults(scene, outcome)
    return faults


def body_of(message: AbstractIncomingMessage) -> JsonValue:
    """Decode a message's JSON body; text that is no JSON is given as it stands."""
    text = message.body.decode(errors="replace")
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def cache_of(outcome: Outcome) -> str | None:
    """Return the cache's part in the answer: hit, miss or stale; None when it had none."""
    message = outcome.reply or outcome.event
    value = None if message is None else message.headers.get("x-bridge-cache")
    return value if isinstance(value, str) else None


def _missing(what: str, message: AbstractIncomingMessage | None) -> list[str]:
    return [f"no {what} within {REPLY_SECONDS:g} s"] if message is None else []


def _message_faults(scene: Scene, outcome: Outcome, message: AbstractIncomingMessage | None) -> list[str]:
    if message is None:
        return []
    body = body_of(message)
    subtopic = body.get("subtopic") if isinstance(body, dict) else None
    properties = {
        "correlation_id": (outcome.correlation_id, message.correlation_id),
        "content_type": ("application/json", message.content_type),
        "delivery_mode": (2, int(message.delivery_mode or 0)),
        "type": (subtopic, message.type),
        "app_id": (APP_ID, message.app_id),
        "header x-bridge-status": (
            "error" if scene.error_type else "ok",
            message.headers.get("x-bridge-status"),
        ),
        "header x-bridge-error-type": (scene.error_type, message.headers.get("x-bridge-error-type")),
        "header x-bridge-cache": (scene.cache, message.headers.get("x-bridge-cache")),
    }
    faults = [
        f"{name}: expected {expected!r}, found {found!r}"
        for name, (expected, found) in properties.items()
        if expected != found
    ]
    if message.message_id in {None, outcome.message_id}:
        faults.append(f"message_id: expected a fresh one, found {message.message_id!r}")
    if not message.headers.get("x-bridge-version"):
        faults.append("header x-bridge-version is missing")
    return differences(scene.expected, body) + order_faults(body) + faults


def _event_faults(scene: Scene, outcome: Outcome) -> list[str]:
    message = outcome.event
    body = None if message is None else body_of(message)
    if message is None or not isinstance(body, dict):
        return ["event: not a JSON object"]
    faults = _message_faults(scene, outcome, message)
    key = message.headers.get("idempotency-key")
    if key != outcome.message_id:
        faults.append(f"header idempotency-key: expected {outcome.message_id!r}, found {key!r}")
    routing_key = ".".join(str(body.get(part)) for part in ("channel", "topic", "subtopic"))
    if message.routing_key != routing_key:
        faults.append(f"routing key: expected {routing_key!r}, found {message.routing_key!r}")
    return [f"event: {fault}" for fault in faults]


def _dead_letter_faults(scene: Scene, outcome: Outcome) -> list[str]:
    message = outcome.dead_letter
    if message is None:
        return []
    faults = []
    request = scene.request.encode() if isinstance(scene.request, str) else scene.request
    if message.body != request:
        faults.append("dead letter: its body is not the request")
    if message.headers.get("x-reason") != scene.dead_letter:
        faults.append(
            f"dead letter: expected reason {scene.dead_letter!r}, found {message.headers.get('x-reason')!r}"
        )
    return faults
