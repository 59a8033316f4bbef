"""Types and limits in words, for people who fill in a request or read a reply."""

from typing import Final

from bridge.page.contract import Contract, Field, Node
from bridge.page.html import Html, code, element, joined

_TYPES: Final = {
    "text": "string",
    "integer": "integer",
    "decimal": "number, or a string such as “12.50”",
    "flag": "flag",
    "xml": "XML text, or an object",
    "phone": "phone number (string)",
    "object": "object",
    "array": "array",
    "minute": "date and time dd/mm/yyyy HH:MM",
    "date": "date dd/mm/yyyy",
    "time": "time HH:MM",
}
_MOST_INTEGER: Final = str(2**63 - 1)
_DEEPEST: Final = 4


def type_in_words(field: Field) -> str:
    """Say what type a field takes."""
    return _TYPES.get(str(field.check["type"]), str(field.check["type"]))


def limits_in_words(field: Field) -> str:
    """Say within what limits; empty where there are none worth saying."""
    check = field.check
    said = []
    match check["type"]:
        case "text" if "words" in check:
            said.append(f"one of {', '.join(check['words'])} (in any case)")
        case "text":
            said += _lengths(check)
        case "integer" | "decimal":
            said += _range(str(check["least"]), str(check["most"]))
        case "xml":
            said.append(f"root element Data; at most {check['longest']:,} characters of XML")
        case "phone":
            said.append(f"3 digits or more, at most {check['longest']} characters")
        case "array":
            said.append(f"at most {check['longest']:,} items")
        case _:
            pass
    if before := check.get("not_before"):
        said.append(f"not before {before}")
    return "; ".join(said)


def _lengths(check: Node) -> list[str]:
    shortest, longest = check["shortest"], check.get("longest")
    if longest is None:
        return [] if not shortest else ["not blank" if shortest == 1 else f"{shortest} characters or more"]
    return [f"{shortest} to {longest} characters" if shortest else f"at most {longest} characters"]


def _range(least: str, most: str) -> list[str]:
    if most != _MOST_INTEGER:
        return [f"at most {most}" if least == f"-{_MOST_INTEGER}" else f"{least} to {most}"]
    return [] if least == f"-{_MOST_INTEGER}" else [f"{least} or more"]


def answer_in_words(contract: Contract, schema: Node) -> Html:
    """Say what a reply's ``message`` holds, member by member."""
    return _members(contract, schema, _DEEPEST)


def _members(contract: Contract, schema: Node, levels: int) -> Html:
    schema = contract.resolved(schema)
    members = schema.get("properties", {})
    if not members or not levels:
        return Html("")
    items = []
    for name, one in members.items():
        member = contract.resolved(one)
        items.append(
            element("li", code(name), " ", _kind(contract, member), _inner(contract, member, levels))
        )
    return element("ul", *items)


def _kind(contract: Contract, schema: Node) -> Html:
    about = str(schema.get("description", ""))
    ways = schema.get("anyOf", schema.get("oneOf", ()))
    if ways:
        return joined([_kind(contract, contract.resolved(way)) for way in ways], " or ")
    if "const" in schema:
        return code(
            str(schema["const"]).lower() if schema["const"] in (True, False) else str(schema["const"])
        )
    kind = schema.get("type")
    if "enum" in schema:
        said = " or ".join("null" if one is None else f"“{one}”" for one in schema["enum"])
    elif kind is None:
        said = ""
    else:
        said = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array" and (items := schema.get("items")):
        said = f"array of {_kind(contract, contract.resolved(items)) or 'what LCM gives'}"
    return joined([": ".join(part for part in (said, about) if part)])


def _inner(contract: Contract, schema: Node, levels: int) -> Html:
    if schema.get("type") == "array":
        schema = contract.resolved(schema.get("items", {}))
    for way in schema.get("anyOf", schema.get("oneOf", (schema,))):
        resolved = contract.resolved(way)
        resolved = (
            contract.resolved(resolved.get("items", {})) if resolved.get("type") == "array" else resolved
        )
        if found := _members(contract, resolved, levels - 1):
            return found
    return Html("")
