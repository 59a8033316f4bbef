"""The form of a declaration: what the TOML of one operation may say."""

from typing import Annotated, Final, Literal

from pydantic import Field as Key
from pydantic import StringConstraints

from bridge.operations.declared.fieldforms import MOST_FIELDS, AnyFieldForm, FieldName
from bridge.operations.declared.form import Form
from bridge.operations.results import ReaderName

NAME: Final = "^[A-Za-z][A-Za-z0-9_]{0,63}$"
"""What an operation may be called: it is a value of labels, and part of keys."""

ADDRESS: Final = "^[A-Za-z0-9_-]{1,64}$"

OperationName = Annotated[str, StringConstraints(pattern=NAME)]
AddressWord = Annotated[str, StringConstraints(pattern=ADDRESS)]
"""A channel, topic or subtopic: a word of a routing key, so without dots, blanks, ``*`` and ``#``."""
ShapeName = Literal[
    "contact", "contacts", "object", "array", "contacts_or_reason", "success", "key", "echo", "none"
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500)]
JsonText = Annotated[str, StringConstraints(min_length=1, max_length=64 * 1024)]


class TellingForm(Form):
    """Members by which data is told: ``least`` of ``members``."""

    members: Annotated[list[FieldName], Key(min_length=1, max_length=MOST_FIELDS)]
    least: Annotated[int, Key(ge=1, le=MOST_FIELDS)] = 1


class RefusalForm(TellingForm):
    """Data that is meant for something else; ``because`` completes ``data ...``."""

    because: Line


class RouteForm(Form):
    """One request address and the address of its reply, which is the request's but for what is said."""

    channel: AddressWord = "LCM"
    topic: AddressWord = "WebService"
    subtopic: AddressWord
    reply: AddressWord | None = None
    reply_channel: AddressWord | None = None
    reply_topic: AddressWord | None = None
    told_by: TellingForm | None = None
    refuses: RefusalForm | None = None


class ReplyForm(Form):
    """What LCM's result becomes."""

    shape: ShapeName
    members: dict[FieldName, ReaderName] = Key(default_factory=dict, max_length=MOST_FIELDS)
    others: bool = False
    repeats: list[FieldName] = Key(default_factory=list, max_length=8)
    from_xml: bool = False
    nothing: Literal["refused", "empty"] | None = None
    refused: Literal["CONTACT_NOT_FOUND", "WS_Error"] = "WS_Error"
    refused_text: Line = "LCM refused it without saying why"
    one_as_object: Literal["contract.single_contact_as_object"] | None = None


class CacheForm(Form):
    """What the operation has to do with the cached contacts of the agent in field ``agent``."""

    agent: FieldName
    shelf: Literal["manual", "od"] | None = None
    serves: bool = True
    count: FieldName | None = None
    consent: FieldName | None = None
    drops: FieldName | None = None
    fetched: bool = False
    forgets: Literal["od"] | None = None


class ExampleForm(Form):
    """One request and all that becomes of it, each as JSON text."""

    data: JsonText
    call: JsonText | None = None
    result: JsonText | None = None
    message: JsonText | None = None


class DeclarationForm(Form):
    """One operation."""

    name: OperationName
    about: Line
    source: Annotated[str, StringConstraints(max_length=2000)] = ""
    queue: Literal["agent", "campaign"] = "agent"
    method: FieldName | None = None
    side_effect: bool | None = None
    side_effect_when: Annotated[dict[FieldName, bool | int | str], Key(min_length=1, max_length=1)] | None = (
        None
    )
    broadcast: bool = False
    routes: Annotated[list[RouteForm], Key(min_length=1, max_length=8)]
    data: dict[FieldName, AnyFieldForm] = Key(default_factory=dict, max_length=MOST_FIELDS)
    reply: ReplyForm
    cache: CacheForm | None = None
    example: ExampleForm | None = None
