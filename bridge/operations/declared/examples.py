"""Holding a declaration's example against the declaration, so that it cannot say what does not happen."""

import json
from collections.abc import Iterator

from bridge.envelope import Envelope
from bridge.failures import Failure
from bridge.jsontypes import JsonValue
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import Example
from bridge.operations.model import UnexpectedResult


def example_faults(operation: Declared) -> Iterator[str]:
    """Yield what the operation makes of its example that the example does not say; of none, nothing."""
    file, example = operation.declaration.file, operation.declaration.example
    if example is None:
        return
    try:
        command = operation.translate(envelope_of(operation, example))
    except Failure as failure:
        yield f"{file}: example.data: is refused: {failure.message}"
        return
    call = None if command.call is None else command.call.parameters
    if call != example.call:
        yield f"{file}: example.call: must be {_json(call)}"
    try:
        message = operation.answer(command, example.result).message
    except (Failure, UnexpectedResult) as error:
        yield f"{file}: example.result: does not fit [reply]: {error}"
        return
    if operation.replies and message != example.message:
        yield f"{file}: example.message: must be {_json(message)}"
    if not operation.replies and example.message is not None:
        yield f"{file}: example.message: goes with no reply"


def envelope_of(operation: Declared, example: Example) -> Envelope:
    """Return the example's request, by the operation's first route."""
    address = operation.routes[0].request
    return Envelope(*address, source=None, data=example.data)


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
