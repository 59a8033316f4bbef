"""What a worker with these settings would make of a request, without sending it anywhere."""

from bridge.cli.request.ending import Exit
from bridge.envelope import ReplyAsRequest, parse
from bridge.failures import Failure, InvalidEnvelope, UnknownOperation
from bridge.jsontypes import JsonObject
from bridge.operations.catalogue import Catalogue
from bridge.replies import error_event, failure_body
from bridge.strictjson import Limits


def preview(
    body: bytes, catalogue: Catalogue, limits: Limits, methods: dict[str, str]
) -> tuple[JsonObject, Exit]:
    """Return what LCM would be told, or the failure reply; ``methods`` are those of ``lcm.methods``.

    Neither the caller's permission nor anything in Redis is looked at.
    """
    try:
        envelope = parse(body, limits)
    except InvalidEnvelope as failure:
        return error_event(failure.channel, failure), Exit.FAILURE
    except ReplyAsRequest:
        return {"dead_letter": "reply-as-request"}, Exit.FAILURE
    try:
        operation, route = catalogue.find(envelope)
    except UnknownOperation as failure:
        return error_event(envelope.channel, failure), Exit.FAILURE
    try:
        command = operation.translate(envelope)
    except Failure as failure:
        return failure_body(route.reply, failure), Exit.FAILURE
    renamed = {name.casefold(): method for name, method in methods.items()}
    return {
        "operation": operation.name,
        "queue": operation.lane,
        "reply": str(route.reply) if operation.replies else None,
        "side_effect": command.side_effect,
        "lcm": None
        if command.call is None
        else {
            "method": renamed.get(operation.name.casefold(), operation.method),
            "parameters": command.call.parameters,
        },
    }, Exit.SUCCESS
