"""A declared operation at work. All that the declaration says is worked out once, when it is built."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bridge.envelope import Envelope
from bridge.failures import ContactNotFound, Detail, WsError
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.data import Fields
from bridge.operations.declared.forms import CacheForm, DeclarationForm, RouteForm
from bridge.operations.declared.reading import BadDeclaration, Declaration
from bridge.operations.declared.schema import data_schema
from bridge.operations.fields import Field, Integer, Wrong
from bridge.operations.model import (
    Address,
    Answer,
    Command,
    Contact,
    LcmCall,
    Operation,
    Reserved,
    Route,
    Rules,
    Shelf,
    Telling,
)
from bridge.operations.moments import sortable
from bridge.operations.results import Members
from bridge.operations.shapes import (
    ContactsOrReason,
    Key,
    Many,
    Nothing,
    One,
    Refused,
    Shape,
    Success,
)

Clashes = Callable[[JsonObject], Iterable[Detail]]

_FAILURES: Final = {one.error_type: one for one in (ContactNotFound, WsError)}
_NOUNS: Final = {"contact": "a contact", "contacts": "a contact", "contacts_or_reason": "a contact"}


class Declared(Operation):
    """One declared operation under the rules of a site.

    Raises `BadDeclaration` for a default or a value with a side effect that its own field does not take,
    and for a field that takes nothing under these rules.
    """

    def __init__(self, declaration: Declaration, rules: Rules) -> None:
        form = declaration.form
        self.declaration = declaration
        self.name = form.name
        self.lane = form.queue
        self.method = form.method or form.name
        self.broadcast = form.broadcast
        self.calls_lcm = form.reply.shape != "echo"
        self.replies = form.reply.shape != "none"
        self.routes = tuple(map(_route, form.routes))
        fields = _fields(declaration, rules)
        self.fields = Fields(*fields.values())
        self.shape = None if form.reply.shape == "echo" else _shape(form, rules)
        self._clashes = _clashes(form)
        self._parameters = _parameters(form)
        self._repeats = tuple(form.reply.repeats)
        self._effect = bool(form.side_effect)
        self._effect_field, self._effect_value = "", None
        for name, value in (form.side_effect_when or {}).items():
            self._effect_field = name
            self._effect_value = _taken(fields[name], value, f"{declaration.file}: side_effect_when.{name}")
        self._cache = form.cache

    def translate(self, envelope: Envelope) -> Command:
        """Read the data, and say what it asks of LCM and of the contact cache."""
        values = self.fields.read(envelope.data, self._clashes)
        if not self.calls_lcm:
            echo: JsonObject = {
                "subtopic": envelope.subtopic,
                "topic": envelope.topic,
                "channel": envelope.channel,
                "data": envelope.data,
            }
            return Command(content=echo)
        call = LcmCall(self.name, values if self._parameters is None else self._renamed(values))
        effect = self._effect
        if self._effect_field:
            effect = values[self._effect_field] == self._effect_value
        cache = self._cache
        if cache is None:
            return Command(values, call, effect)
        agent = str(values[cache.agent])
        if cache.shelf is not None:
            reserved = None if effect or not cache.serves else _reserved(cache, cache.shelf, values)
            return Command(values, call, effect, agent, reserved, cache.shelf)
        if cache.drops is not None:
            skipped = str(values[cache.drops])
            return Command(values, call, effect, agent, skips=skipped, fetched=cache.fetched)
        return Command(values, call, effect, agent, forgets=cache.forgets)

    def answer(self, command: Command, result: JsonValue) -> Answer:
        """Give LCM's result the shape of the reply; a relay does not look at it."""
        if self.shape is None:
            return Answer(command.content)
        response, contacts = self.shape.read(result)
        return Answer(self.message(command, response), contacts)

    def answer_cached(self, contacts: Sequence[Contact]) -> Answer:
        """Give cached contacts the shape of the reply."""
        if self.shape is None:
            raise NotImplementedError(self.name)
        response, kept = self.shape.present(contacts)
        return Answer({"response": response}, kept)

    def message(self, command: Command, response: JsonValue) -> JsonObject:
        """Return the message of a reply, what it repeats of the request in front."""
        message: JsonObject = {
            name: command.content[name] for name in self._repeats if name in command.content
        }
        message["response"] = response
        return message

    def schema(self) -> JsonObject:
        """Return the JSON schema of ``data``, as `bridge.operations.declared.schema` has it."""
        return data_schema(self.fields, self.declaration.form.data)

    def _renamed(self, values: JsonObject) -> JsonObject:
        return {wire: values[name] for name, wire in self._parameters or () if name in values}


def _reserved(cache: CacheForm, shelf: Shelf, values: JsonObject) -> Reserved:
    count = 1 if cache.count is None else int(str(values[cache.count]))
    return Reserved(shelf, count, None if cache.consent is None else str(values[cache.consent]))


def _fields(declaration: Declaration, rules: Rules) -> dict[str, Field]:
    fields, faults = {}, []
    for name, form in declaration.form.data.items():
        try:
            fields[name] = form.build(name, rules)
        except Wrong as wrong:
            faults.append(f"{declaration.file}: data.{name}.default: {wrong}")
            continue
        match fields[name]:
            case Integer(least=least, most=most) if least > most:
                faults.append(f"{declaration.file}: data.{name}.least: is above most, which is {most} here")
    if faults:
        raise BadDeclaration(faults)
    return fields


def _taken(field: Field, value: JsonValue, path: str) -> JsonValue:
    try:
        return field.take(value)
    except Wrong as wrong:
        raise BadDeclaration([f"{path}: {wrong}"]) from wrong


def _route(form: RouteForm) -> Route:
    request = Address(form.channel, form.topic, form.subtopic)
    reply = Address(
        form.reply_channel or form.channel, form.reply_topic or form.topic, form.reply or form.subtopic
    )
    told_by, refuses = form.told_by, form.refuses
    return Route(
        request,
        reply,
        None if told_by is None else Telling(tuple(told_by.members), told_by.least),
        None if refuses is None else Telling(tuple(refuses.members), refuses.least),
        "" if refuses is None else refuses.because,
    )


def _parameters(form: DeclarationForm) -> Sequence[tuple[str, str]] | None:
    """Return field and parameter of what goes to LCM; None where that is all, under the fields' own names."""
    if all(field.lcm in (None, name) for name, field in form.data.items()):
        return None
    return [(name, field.lcm or name) for name, field in form.data.items() if field.lcm is not False]


def _clashes(form: DeclarationForm) -> Clashes:
    pairs = [
        (before, name)
        for name, field in form.data.items()
        if (before := getattr(field, "not_before", None)) is not None
    ]
    if not pairs:
        return lambda _: ()

    def clashes(values: JsonObject) -> Iterable[Detail]:
        for before, name in pairs:
            start, end = values.get(before), values.get(name)
            if isinstance(start, str) and isinstance(end, str) and sortable(end) < sortable(start):
                yield Detail(f"data.{name}", f"must not be before {before}")

    return clashes


def _shape(form: DeclarationForm, rules: Rules) -> Shape:
    reply = form.reply
    refused = Refused(_FAILURES[reply.refused], reply.refused_text)
    members = Members(reply.members, noun=_NOUNS.get(reply.shape, "an object"), others=reply.others)
    match reply.shape:
        case "success":
            return Success(refused)
        case "key":
            return Key(refused)
        case "none":
            return Nothing(refused)
        case "contacts_or_reason":
            return ContactsOrReason(members)
        case "contact" | "object":
            empty = reply.nothing == "empty"
            return One(members, refused, may_be_empty=empty, from_xml=reply.from_xml)
        case _:
            return Many(
                members if reply.members or reply.others else None,
                refused,
                may_be_empty=reply.nothing != "refused",
                one_as_object=reply.one_as_object is not None and rules.single_contact_as_object,
            )
