"""What must hold between the parts of one declaration."""

import json
from collections.abc import Callable, Iterator
from typing import Final

from bridge.jsontypes import deeper_than
from bridge.operations.declared.fieldforms import FieldForm, FlagForm, IntegerForm, TextForm
from bridge.operations.declared.forms import CacheForm, DeclarationForm, RouteForm
from bridge.operations.model import UNKNOWN

RESERVED_NAMES: Final = frozenset({UNKNOWN})
"""Names that stand for something else."""

DEEPEST_EXAMPLE: Final = 32
"""Levels of nesting in an example: what a body may have, unless the site says otherwise."""

Fault = tuple[str, str]
"""The path of a key, and what is wrong with it."""

_TOO_DEEP: Final = f"is nested deeper than {DEEPEST_EXAMPLE} levels"
_UNSAID: Final = (
    "must be said, or side_effect_when: true where a repetition would do it again, which the request ledger"
    " then prevents; false where LCM may be called again"
)
_ANY_CASE: Final = "names are matched without regard to case"
_WITH_MEMBERS: Final = ("contact", "contacts", "object", "array", "contacts_or_reason")
_CONTACTS: Final = ("contact", "contacts")


def faults_between(form: DeclarationForm) -> Iterator[Fault]:
    """Yield all that is wrong with a declaration whose keys are each of the right type."""
    for check in _CHECKS:
        yield from check(form)


def _name(form: DeclarationForm) -> Iterator[Fault]:
    if form.name.casefold() in RESERVED_NAMES:
        yield "name", "is what the metrics call requests of no known operation"


def _side_effect(form: DeclarationForm) -> Iterator[Fault]:
    if (form.side_effect is None) == (form.side_effect_when is None):
        yield "side_effect", _UNSAID
    if form.side_effect_when is not None:
        name = next(iter(form.side_effect_when))
        yield from _needs(form, f"side_effect_when.{name}", name)
        yield from _one_form(f"side_effect_when.{name}", form.data.get(name))
    if form.reply.shape == "echo" and form.side_effect is not False:
        yield "side_effect", "must be false: what is echoed does not reach LCM"


def _one_form(path: str, field: FieldForm | None) -> Iterator[Fault]:
    """Check that a value comes out alike in each of its spellings: another would pass the ledger by."""
    told = isinstance(field, FlagForm | IntegerForm) or (isinstance(field, TextForm) and field.one_of)
    if field is not None and not told:
        yield path, "must be a flag, an integer or a text with one_of: others have several forms of a value"


def _fields(form: DeclarationForm) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for name, field in form.data.items():
        path = f"data.{name}"
        for spelling in (name, *field.aliases):
            first = taken.get(spelling.casefold())
            if first == name:
                yield f"{path}.aliases", f"{spelling} is there twice; {_ANY_CASE}"
            elif first is not None:
                yield path, f"{spelling} is a name of {first} already; {_ANY_CASE}"
            else:
                taken[spelling.casefold()] = name
        if field.lcm is not False:
            parameter = field.lcm or name
            # What differs in case only is rather a slip than a second parameter.
            first = parameters.setdefault(parameter.casefold(), name)
            if first != name:
                yield f"{path}.lcm", f"{parameter} is the parameter of {first} already"
        yield from _limits(path, field)
        if (before := getattr(field, "not_before", None)) is not None:
            earlier = form.data.get(before)
            if earlier is field or type(earlier) is not type(field):
                yield f"{path}.not_before", f"{before} is no other field of the same type"


def _limits(path: str, field: FieldForm) -> Iterator[Fault]:
    if (
        "required" in field.model_fields_set
        and field.required
        and getattr(field, "default", None) is not None
    ):
        yield f"{path}.required", "contradicts the default"
    for lower, upper in (("least", "most"), ("shortest", "longest")):
        low, high = getattr(field, lower, None), getattr(field, upper, None)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield f"{path}.{lower}", f"is above {upper}"
    if isinstance(field, FlagForm) and field.yes == field.no:
        yield f"{path}.yes", "is the same as no"
    if isinstance(field, TextForm) and field.one_of is not None:
        folded = [word.casefold() for word in field.one_of]
        if len(set(folded)) < len(folded):
            yield f"{path}.one_of", "holds a word twice; words are matched without regard to case"
        for key in ("shortest", "longest"):
            if key in field.model_fields_set:
                yield f"{path}.{key}", "does not go with one_of"


def _routes(form: DeclarationForm) -> Iterator[Fault]:
    names = {spelling.casefold() for name, field in form.data.items() for spelling in (name, *field.aliases)}
    addresses = set()
    for number, route in enumerate(form.routes):
        path = f"routes[{number}]"
        address = (route.channel.casefold(), route.topic.casefold(), route.subtopic.casefold())
        if address in addresses:
            yield path, "is there twice; addresses are matched without regard to case"
        addresses.add(address)
        if form.reply.shape != "none" and route.reply is None:
            yield f"{path}.reply", "is missing: the subtopic of the reply"
        for key in ("reply", "reply_channel", "reply_topic") if form.reply.shape == "none" else ():
            if getattr(route, key) is not None:
                yield f"{path}.{key}", "goes with no reply: its shape is none"
        yield from _telling(path, route, names)


def _telling(path: str, route: RouteForm, names: set[str]) -> Iterator[Fault]:
    for member in () if route.told_by is None else route.told_by.members:
        if member.casefold() not in names:
            yield f"{path}.told_by.members", f"{member} is no name of a field"
    for key in ("told_by", "refuses"):
        telling = getattr(route, key)
        if telling is not None and telling.least > len({one.casefold() for one in telling.members}):
            yield f"{path}.{key}.least", f"is above the number of members; {_ANY_CASE}"
    if route.refuses is not None and route.told_by is None:
        yield f"{path}.refuses", "needs told_by: data that is told by it is not refused"


def _reply(form: DeclarationForm) -> Iterator[Fault]:
    reply = form.reply
    if reply.shape in (*_CONTACTS, "contacts_or_reason") and not reply.members:
        yield "reply.members", "are missing: the members of a contact"
    if reply.shape == "object" and not reply.members and not reply.others:
        yield "reply.members", "are missing; or others = true passes on what LCM gives"
    for key, shapes in (
        ("members", _WITH_MEMBERS),
        ("others", _WITH_MEMBERS),
        ("from_xml", ("object",)),
        ("nothing", ("contacts", "array", "object")),
        ("one_as_object", ("contacts",)),
        ("repeats", (*_WITH_MEMBERS, "success", "key")),
    ):
        if getattr(reply, key) and reply.shape not in shapes:
            yield f"reply.{key}", f"does not go with the shape {reply.shape}"
    for name in reply.repeats:
        if name not in form.data:
            yield "reply.repeats", f"{name} is no field of data"
        if name.casefold() == "response":
            yield "reply.repeats", "response is what LCM's result becomes"
    if form.broadcast and reply.shape == "none":
        yield "broadcast", "needs a reply that can be published"
    if form.method is not None and reply.shape == "echo":
        yield "method", "goes with no call of LCM: the shape is echo"


def _cache(form: DeclarationForm) -> Iterator[Fault]:
    cache = form.cache
    if cache is None:
        return
    yield from _needs(form, "cache.agent", cache.agent, kind=TextForm)
    if sum(map(bool, (cache.shelf, cache.drops, cache.forgets))) != 1:
        yield "cache", "needs one of shelf, drops and forgets"
    if form.reply.shape == "echo":
        yield "cache", "does not go with the shape echo"
    for key, kind in (("count", IntegerForm), ("consent", FlagForm), ("drops", TextForm)):
        if (name := getattr(cache, key)) is not None:
            yield from _needs(form, f"cache.{key}", name, kind=kind)
    counted = cache.count and form.data.get(cache.count)
    if isinstance(counted, IntegerForm) and counted.least < 1:
        yield "cache.count", f"{cache.count} must have least = 1 or more"
    for key, other in (("fetched", "drops"), ("serves", "shelf"), ("count", "shelf"), ("consent", "shelf")):
        if key in cache.model_fields_set and getattr(cache, other) is None:
            yield f"cache.{key}", f"needs {other}"
    if cache.shelf is not None:
        yield from _shelf(form, cache)


def _shelf(form: DeclarationForm, cache: CacheForm) -> Iterator[Fault]:
    reply = form.reply
    if reply.shape not in _CONTACTS or "AccountNumber" not in reply.members:
        yield "cache.shelf", "needs the shape contact or contacts, and among the members AccountNumber"
    if reply.repeats:
        yield "cache.shelf", "does not go with reply.repeats: cached contacts answer no request in particular"
    if cache.serves and reply.shape == "contacts" and cache.count is None:
        yield "cache.count", "is missing: the field that says how many are asked for; or serves = false"
    if reply.shape == "contact" and cache.count is not None:
        yield "cache.count", "does not go with the shape contact"


def _example(form: DeclarationForm) -> Iterator[Fault]:
    if form.example is None:
        return
    for key in ("data", "call", "result", "message"):
        text = getattr(form.example, key)
        try:
            value = {} if text is None else json.loads(text)
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except json.JSONDecodeError as error:
            yield f"example.{key}", f"is not JSON: {error}"
        except UnicodeEncodeError:
            yield f"example.{key}", "holds half of a surrogate pair, which is no character"
        except ValueError:  # Python's own bound for the digits of a number; NaN and infinity
            yield f"example.{key}", "holds a number of too many digits, or one that JSON does not have"
        except RecursionError:
            yield f"example.{key}", _TOO_DEEP
        else:
            if deeper_than(value, DEEPEST_EXAMPLE):
                yield f"example.{key}", _TOO_DEEP
            if key == "data" and not isinstance(value, dict):
                yield "example.data", "must be an object"


def _needs(
    form: DeclarationForm, path: str, name: str, *, kind: type[FieldForm] | None = None
) -> Iterator[Fault]:
    """Check that a field is there, of a kind, and never without a value."""
    field = form.data.get(name)
    if field is None:
        yield path, f"{name} is no field of data"
    elif not field.required and getattr(field, "default", None) is None:
        yield path, f"{name} may be absent: it must be required or have a default"
    elif kind is not None and not isinstance(field, kind):
        yield path, f"{name} must be of type {kind.model_fields['type'].annotation.__args__[0]}"  # type: ignore[union-attr]  # a Literal


_CHECKS: Final[tuple[Callable[[DeclarationForm], Iterator[Fault]], ...]] = (
    *(_name, _side_effect, _fields, _routes, _reply, _cache, _example),
)
