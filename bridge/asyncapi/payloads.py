"""The JSON schemas of what requests and replies hold."""

from collections.abc import Iterator

from bridge.asyncapi.places import Place, ref
from bridge.failures import ERROR_TYPES
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.declared.operation import Declared
from bridge.operations.fields import DecimalText, Field, Flag, Integer
from bridge.operations.model import Address
from bridge.operations.nested import AnyArray, AnyObject


def common() -> JsonObject:
    """Return the schemas that all operations share."""
    told: JsonObject = {
        "errorType": ref("schemas", "ErrorType"),
        "errorMessage": {"type": "string", "description": "For the developer of the publishing service."},
        "msg": {"type": "string", "description": "For the person at the desk."},
        "retryable": {
            "type": "boolean",
            "description": "true: there was no effect, and the request may be sent again, with the same"
            " key or a new one.",
        },
    }
    detail: JsonObject = {
        "type": "object",
        "description": "One thing that is wrong with one field.",
        "properties": {
            "field": {"type": "string", "description": "The field, such as `data.AgentID`."},
            "problem": {"type": "string", "description": "What is wrong with it."},
        },
        "required": ["field", "problem"],
    }
    return {
        "ErrorType": {
            "type": "string",
            "enum": list(ERROR_TYPES),
            "description": "What went wrong; `x-errors` of this document says what to do about each.",
        },
        "FailureDetail": detail,
        "Failure": {
            "type": "object",
            "description": "How a request failed.",
            "properties": {
                "success": {"type": "boolean", "const": False},
                **told,
                "details": {
                    "type": "array",
                    "description": "With INVALID_DATA: everything that is wrong, at once.",
                    "items": ref("schemas", "FailureDetail"),
                },
            },
            "required": ["success", *told],
        },
        "FailureMessage": {
            "type": "object",
            "properties": {"response": ref("schemas", "Failure")},
            "required": ["response"],
        },
        "ErrorEventData": {"type": "object", "properties": told, "required": [*told]},
        "ErrorEvent": {
            "type": "object",
            "description": "The answer to a request whose operation cannot be told.",
            "properties": {
                "channel": {
                    "type": "string",
                    "description": "The request's, or LCM where that cannot be told.",
                },
                "topic": {"type": "string", "const": "Error"},
                "subtopic": {"type": "string", "const": "ApiError"},
                "data": ref("schemas", "ErrorEventData"),
            },
            "required": ["channel", "topic", "subtopic", "data"],
        },
    }


def of_operation(operation: Declared) -> Iterator[tuple[str, JsonObject]]:
    """Yield the schemas of an operation that do not depend on its route."""
    about = f"What a request for {operation.name} holds."
    yield f"{operation.name}Data", {"description": about, **operation.schema()}
    if operation.replies and operation.shape is not None:
        shape = _titled(operation.shape.schema(), f"{operation.name}Response")
        yield f"{operation.name}Response", {"description": f"What LCM gives for {operation.name}.", **shape}


def of_place(place: Place) -> Iterator[tuple[str, JsonObject]]:
    """Yield the schemas of what is sent and answered by one route."""
    name = place.operation.name
    source: JsonObject = {
        "type": ["string", "null"],
        "description": "Who asks: free text, only logged.",
    }
    request = _address(place.route.request, trimmed=True)
    members: JsonObject = {**request, "source": source, "data": ref("schemas", f"{name}Data")}
    yield (
        f"{place.id}Request",
        {
            "type": "object",
            "description": place.operation.declaration.form.about,
            "x-case-insensitive": True,
            "properties": members,
            "required": [*request, "data"],
        },
    )
    if place.operation.replies:
        success = f"The reply to {name} where it succeeds."
        yield f"{place.id}Reply", _reply(place, success, _message(place))
        failure = ref("schemas", "FailureMessage")
        yield f"{place.id}Failure", _reply(place, f"The reply to {name} where it fails.", failure)


def _reply(place: Place, about: str, message: JsonObject) -> JsonObject:
    members: JsonObject = {**_address(place.route.reply), "message": message}
    return {"type": "object", "description": about, "properties": members, "required": [*members]}


def _address(address: Address, *, trimmed: bool = False) -> JsonObject:
    """Return the members of an address; in a request they are matched without regard to case and blanks."""
    marks: JsonObject = {"x-case-insensitive": True, "x-trimmed": True} if trimmed else {}
    return {
        name: {"type": "string", "const": value, **marks}
        for name, value in zip(("channel", "topic", "subtopic"), address, strict=True)
    }


def _message(place: Place) -> JsonObject:
    operation = place.operation
    if operation.shape is None:
        parts = ("subtopic", "topic", "channel")
        echo: JsonObject = {name: {"type": "string", "description": "as received"} for name in parts}
        echo["data"] = ref("schemas", f"{operation.name}Data")
        about = "The request's own members, values as received."
        title = f"{place.id}Message"
        return {
            "title": title,
            "type": "object",
            "description": about,
            "properties": echo,
            "required": [*echo],
        }
    members: JsonObject = {}
    required: list[JsonValue] = []
    fields = {field.name: field for field in operation.fields}
    for name in operation.declaration.form.reply.repeats:
        members[name] = {**_given(fields[name]), "description": "As in the request."}
        if fields[name].required or fields[name].default is not None:
            required.append(name)
    members["response"] = ref("schemas", f"{operation.name}Response")
    title = f"{place.id}Message"
    return {"title": title, "type": "object", "properties": members, "required": [*required, "response"]}


def _titled(schema: JsonObject, title: str) -> JsonObject:
    """Return a schema whose inner objects have titles, by which generators name what they make of them."""
    found: JsonObject = {}
    for key, value in schema.items():
        if key == "items" and isinstance(value, dict) and "properties" in value:
            found[key] = {"title": f"{title}Item", **_titled(value, f"{title}Item")}
        elif key in ("anyOf", "oneOf") and isinstance(value, list):
            found[key] = [
                {"title": f"{title}{number}", **_titled(one, f"{title}{number}")}
                for number, one in enumerate(value, start=1)
                if isinstance(one, dict)
            ]
        else:
            found[key] = value
    return found


def _given(field: Field) -> JsonObject:
    """Return the schema of what a field gives, which is what a reply repeats."""
    match field:
        case DecimalText():
            return {"type": "string"}
        case Integer():
            return {"type": "integer"}
        case Flag(yes=yes, no=no):
            return {"enum": [yes, no]}
        case AnyObject():
            return {"type": "object"}
        case AnyArray():
            return {"type": "array"}
        case _:
            return {"type": "string"}
