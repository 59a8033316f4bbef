"""The JSON wire format of a WCF service: how bodies are read, how results, faults and pages are written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal

MemberCase = Literal["as-is", "lower", "upper", "camel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What a default WCF install takes: bytes per message (413 beyond), characters per string (fault beyond).

    Both numbers are WCF's documented defaults; that the string quota is answered with the status
    `string_status` and a JSON fault is an assumption (400 is as likely).
    """

    message_bytes: int = 65_536
    string_characters: int = 8_192
    string_status: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStyle:
    """How results are written.

    `result_as_text`: arrays and objects become a string that is itself JSON. `unknown_members`: objects
    carry members that no page documents. `member_case`: the letter case of member names.
    """

    result_as_text: bool = False
    unknown_members: bool = False
    member_case: MemberCase = "as-is"


class WireFault(Exception):
    """A request that LCM answers with a fault: `{"ExceptionType", "Message", "StackTrace"}`."""

    def __init__(self, exception_type: str, message: str, *, status: int = 500) -> None:
        super().__init__(message)
        self.exception_type = exception_type
        self.message = message
        self.status = status


def read_parameters(raw: bytes, quotas: Quotas) -> dict[str, object]:
    """Read the parameters out of a request body. Raises WireFault on bad JSON and over-long strings."""
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise WireFault(
            "System.ServiceModel.Dispatcher.NetDispatcherFaultException",
            f"The formatter threw an exception while trying to deserialize the message: {error}",
        ) from error
    if not isinstance(value, dict):
        raise WireFault(
            "System.Runtime.Serialization.SerializationException",
            "Expecting the root element to be an object.",
        )
    if (longest := _longest_string(value)) > quotas.string_characters:
        raise WireFault(
            "System.ServiceModel.Dispatcher.NetDispatcherFaultException",
            "The formatter threw an exception while trying to deserialize the message: The maximum string "
            f"content length quota ({quotas.string_characters}) has been exceeded while reading XML data "
            f"({longest} characters).",
            status=quotas.string_status,
        )
    return value


def write_answer(result: object, style: AnswerStyle) -> bytes:
    """Write `{"d": result}` in the given style."""
    shaped = _shape(result, style)
    if style.result_as_text and isinstance(shaped, dict | list):
        shaped = json.dumps(shaped)
    return json.dumps({"d": shaped}).encode()


def write_fault(fault: WireFault) -> bytes:
    """Write the JSON body of a fault, with a stack trace as WCF does when details are switched on."""
    trace = (
        "   at System.ServiceModel.Dispatcher.OperationFormatter.DeserializeRequest(Message message, "
        "Object[] parameters)\r\n   at Acqueon.LCM.WebService.LCMWCFService.Invoke(String internalHost)"
    )
    body = {"ExceptionType": fault.exception_type, "Message": fault.message, "StackTrace": trace}
    return json.dumps(body).encode()


def html_page(title: str, detail: str) -> str:
    """Write a page as IIS shows it instead of an answer."""
    return (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\r\n'
        f"<html><head><title>{escape(title)}</title></head>\r\n"
        f'<body><div id="content"><h2>{escape(title)}</h2><h3>{escape(detail)}</h3></div></body></html>\r\n'
    )


def _longest_string(value: object) -> int:
    longest, left = 0, [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            longest = max(longest, len(item))
        elif isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return longest


def _shape(value: object, style: AnswerStyle) -> object:
    if isinstance(value, list):
        return [_shape(item, style) for item in value]
    if not isinstance(value, Mapping):
        return value
    members = {_cased(name, style.member_case): _shape(item, style) for name, item in value.items()}
    if style.unknown_members:
        members |= {"LeadScore": 0, "Extension": {"__type": "Extension:#Acqueon.LCM", "Zone": None}}
    return members


def _cased(name: str, case: MemberCase) -> str:
    if name == "__type" or case == "as-is":
        return name
    if case == "camel":
        return name[:1].lower() + name[1:]
    return name.lower() if case == "lower" else name.upper()
