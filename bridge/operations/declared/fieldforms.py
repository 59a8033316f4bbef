"""How the fields of ``data`` are declared: one form per type, each of which becomes a `Field`."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, Final, Literal, Required, TypedDict, Unpack

from pydantic import Field as Key
from pydantic import StringConstraints

from bridge.operations import fields, nested
from bridge.operations.declared.form import Form
from bridge.operations.model import Rules
from bridge.operations.moments import Date, Minute, Time

MOST_FIELDS = 100
LONGEST = 1024 * 1024

FIELD: Final = "^[A-Za-z_][A-Za-z0-9_]{0,63}$"
WORD: Final = r"^\S(.*\S)?$"

FieldName = Annotated[str, StringConstraints(pattern=FIELD)]
"""A member of ``data``, or a parameter of LCM."""

Length = Annotated[int, Key(ge=0, le=LONGEST)]
Number = Annotated[int, Key(ge=-fields.MAX_INTEGER, le=fields.MAX_INTEGER)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=WORD)]


class Common(TypedDict, total=False):
    """What every field is built with."""

    name: Required[str]
    aliases: Required[tuple[str, ...]]
    required: bool


class FieldForm(Form, ABC):
    """What every field may say."""

    about: Annotated[str, StringConstraints(max_length=500)] = ""
    aliases: list[FieldName] = Key(default_factory=list, max_length=8)
    required: bool = True
    lcm: FieldName | Literal[False] | None = None
    """The parameter's name on LCM's wire; false: LCM is not told."""

    def build(self, name: str, rules: Rules) -> fields.Field:
        """Return the field. Raises `bridge.operations.fields.Wrong` for a default that it does not take."""
        default = getattr(self, "default", None)
        needed = self.required and default is None
        field = self._field(rules, name=name, aliases=tuple(self.aliases), required=needed)
        return field if default is None else replace(field, default=field.take(default))

    @abstractmethod
    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        """Return the field with its own limits."""


class TextForm(FieldForm):
    """A string, also one of a few words."""

    type: Literal["text"]
    shortest: Length = 1
    longest: Length | None = None
    one_of: Annotated[list[Word], Key(min_length=1, max_length=100)] | None = None
    default: str | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        if self.one_of is not None:
            return fields.OneOf(words=tuple(self.one_of), **common)
        return fields.Text(shortest=self.shortest, longest=self.longest, **common)


class IntegerForm(FieldForm):
    """A whole number; ``most`` may be that of the site's setting ``limits.contacts``."""

    type: Literal["integer"]
    least: Number = -fields.MAX_INTEGER
    most: Number | Literal["limits.contacts"] = fields.MAX_INTEGER
    goes_as: Literal["integer", "text"] = "integer"
    default: int | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        kind = fields.Integer if self.goes_as == "integer" else fields.DecimalText
        if isinstance(self.most, str):
            return kind(least=self.least, most=rules.contacts, setting=self.most, **common)
        return kind(least=self.least, most=self.most, **common)


class DecimalForm(FieldForm):
    """An amount; goes to LCM as a string."""

    type: Literal["decimal"]
    least: Number = -fields.MAX_INTEGER
    most: Number = fields.MAX_INTEGER
    default: str | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return fields.Decimal(least=self.least, most=self.most, **common)


class FlagForm(FieldForm):
    """A boolean in any of its forms; ``yes`` and ``no`` are what goes to LCM."""

    type: Literal["flag"]
    yes: bool | int | str = True
    no: bool | int | str = False
    default: bool | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return fields.Flag(yes=self.yes, no=self.no, **common)


class XmlForm(FieldForm):
    """XML with root ``Data``, as text or as a JSON object."""

    type: Literal["xml"]
    longest: Length | Literal["limits.xml_chars"] = "limits.xml_chars"
    default: str | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        if isinstance(self.longest, str):
            return nested.Xml(longest=rules.xml_chars, setting=self.longest, **common)
        return nested.Xml(longest=self.longest, **common)


class PhoneForm(FieldForm):
    """A number that can be dialled."""

    type: Literal["phone"]
    longest: Annotated[int, Key(ge=fields.LEAST_DIGITS, le=LONGEST)] = 64
    default: str | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return fields.Phone(longest=self.longest, **common)


class ObjectForm(FieldForm):
    """A JSON object, passed on."""

    type: Literal["object"]

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return nested.AnyObject(**common)


class ArrayForm(FieldForm):
    """A JSON array, passed on."""

    type: Literal["array"]
    longest: Length = 1000

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return nested.AnyArray(longest=self.longest, **common)


class _MomentForm(FieldForm):
    not_before: FieldName | None = None
    default: str | None = None


class MinuteForm(_MomentForm):
    """``dd/mm/yyyy HH:MM``; ``not_before`` names a field of the same type."""

    type: Literal["minute"]

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return Minute(**common)


class DateForm(_MomentForm):
    """``dd/mm/yyyy``; ``not_before`` names a field of the same type."""

    type: Literal["date"]

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return Date(**common)


class TimeForm(FieldForm):
    """``HH:MM`` of 24 hours."""

    type: Literal["time"]
    default: str | None = None

    def _field(self, rules: Rules, **common: Unpack[Common]) -> fields.Field:
        return Time(**common)


AnyFieldForm = Annotated[
    TextForm
    | IntegerForm
    | DecimalForm
    | FlagForm
    | XmlForm
    | PhoneForm
    | ObjectForm
    | ArrayForm
    | MinuteForm
    | DateForm
    | TimeForm,
    Key(discriminator="type"),
]

FORMS: dict[str, type[FieldForm]] = {
    form.model_fields["type"].annotation.__args__[0]: form  # type: ignore[union-attr]  # each is a Literal
    for form in (
        *(TextForm, IntegerForm, DecimalForm, FlagForm, XmlForm, PhoneForm),
        *(ObjectForm, ArrayForm, MinuteForm, DateForm, TimeForm),
    )
}
"""Every form by the name of its type."""
