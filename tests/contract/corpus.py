"""Envelopes of every kind: right ones, and each thing about them wrong in each way."""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from bridge.operations.declared.operation import Declared
from bridge.operations.fields import Field
from bridge.operations.model import Rules
from bridge.operations.shipped import siblings
from bridge.strictjson import Limits

Data = dict[str, Any]

LIMITS = Limits()

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 100, 101, 2**63 - 1, 2**63, -(2**63), 10**25, 0.5, 1.0, 1e16, 1e-5,
    12.50, -0.0, 1e300, 123456789012345678.5, 12345678901234567.0, -2.5e-7, 1e-9, 1e-10, 0.1234567891,
    "", " ", "\u00a0", "\ufeff", "\x1c", "\0", "0",
    "7", "007", "-1", "+1", "1.0", "12.50", "12.", ".5", "1e3", "9" * 19, "9" * 20, "0" * 30 + "7",
    "\u0663", "\u00b2", "1_000", "Yes", "yEs", " yes ", "No", "N", "y", "TRUE", "false", "null", "on",
    "ye\u017f", "2", "x", "x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 256, "x" * 257,
    "\U0001f600" * 128, "\U0001f600" * 129, "+12345678900", "12", "+1 (202) 555-0100", "1+23", "  +123",
    "*#123", "123x", "\u0661\u0662\u0663", "1" * 65, "24/10/2024 07:33", "24/10/2024", "30/02/2024 07:33",
    "29/02/2024", "29/02/2023", "29/02/1900", "29/02/2000", "00/01/2024 00:00", "01/13/2024", "01/01/0000",
    "01/01/2024 24:00", "01/01/2024 23:60", "1/1/2024", "24/10/2024 07:33\n", "07:33", "24:00", "23:59",
    "7:33", "07:33:00", [], [1], {}, {"a": "b"}, {"a": {"b": "c"}}, {"a": 1}, {"a b": "c"}, {"a:b": "c"},
    {"\u00e9t\u00e9": "\u00e9"}, {"a": "\0"}, {"a": "<&>\r\n"}, {"a": ["b"]}, {"x" * 257: "y"}, {"-a": "b"},
    {"a": None}, {"\u4e2d": "x"},
)  # fmt: skip
XMLS = (
    "<Data/>", "<Data></Data>", "<Data><a>1</a></Data>", " <Data/>", "\ufeff<Data/>", "<Data/> ",
    "<Data/>x", "<data/>", "<Data>", "</Data>", "<Data></data>", "<Data><a></Data></a>", "<a/>",
    "<Data/><Data/>", "Data", "<!DOCTYPE Data><Data/>", "<!DOCTYPE Data [<!ENTITY a 'b'>]><Data>&a;</Data>",
    "<!doctype Data><Data/>", "<Data>&amp;&lt;&gt;&quot;&apos;</Data>", "<Data>&nbsp;</Data>",
    "<Data>a & b</Data>", "<Data>&#65;&#x41;</Data>", "<Data>&#0;</Data>", "<Data>&#xD800;</Data>",
    "<Data>&#xFFFE;</Data>", "<Data>&#;</Data>", "<Data>&#99999999;</Data>", "<Data><![CDATA[<&>]]></Data>",
    "<Data><![CDATA[</Data>", "<Data>]]></Data>", "<Data><![cdata[x]]></Data>", "<Data><!-- a --></Data>",
    "<Data><!-- a -- b --></Data>", "<!-- a --><Data/>", "<Data/><!-- a -->", "<Data><!-- a </Data>",
    "<Data><?a b?></Data>", "<?a b?><Data/>", "<Data><?xml b?></Data>", "<Data/><?a?>",
    "<Data><?a b</Data>", "<?xml version='1.0'?><Data/>", "<?xml version='1.0' encoding='utf-16'?><Data/>",
    "<?xml?><Data/>", " <?xml version='1.0'?><Data/>", "<?xml version='1.0' standalone='maybe'?><Data/>",
    "<?xml version='1.0' standalone=\"yes\" ?><Data/>", "<Data a='1' b=\"2\"/>", "<Data a='1' a='2'/>",
    "<Data a=1/>", "<Data a/>", "<Data a='<'/>", "<Data a='&'/>", "<Data a='1'b='2'/>",
    "<Data a='&lt;&#10;'/>", "<Data a='\n'/>", "<Data a = '1' />", "<Data a='1\"'/>", "<Data a='1/>",
    "<Data xmlns='u'/>", "<x:Data/>", "<x:Data xmlns:x='u'/>", "<Data xmlns:x='u'><x:a/></Data>",
    "<Data><x:a/></Data>", "<Data xmlns:x='u' xmlns:y='u'><a x:b='1' y:b='2'/></Data>",
    "<Data xmlns:x=''/>", "<Data xmlns=''/>", "<Data xml:lang='en'/>", "<Data xmlns:xml='u'/>",
    f"<Data xmlns:x='{'u' * 256}'/>", f"<Data><a xmlns='{'u' * 257}'/></Data>",
    "<Data xmlns:xmlns='u'/>", "<Data x:a='1'/>", "<Data xmlns:x='u' x:a='1'/>", "<a:b:c/>", "< Data/>",
    "<Data/ >", "<Data\n/>", "<1/>", "<-a/>", "<Data><a.b-c_d/></Data>", "<Data><\u00e9/></Data>",
    "<Data><\u00d7/></Data>", "<Data>\x0b</Data>", "<Data>\uffff</Data>", "<Data>\U0001f600</Data>",
    "<Data>\t\r\n</Data>", "<Data", "<", "", "<Data></Data ></Data>", "<Data><a></a ></Data>",
    "<Data>" + "<a>" * 300 + "</a>" * 300 + "</Data>", "<Data>" + "x" * 65_536 + "</Data>",
    "<Data><></Data>", "<Data>\u0080</Data>", "<Data><a:b xmlns:a='u}'/></Data>", "<Data><:a/></Data>",
    "<Data><a:/></Data>", "<Data>&amp</Data>",
    *(f"<Data xmlns:p='{'u' * size}'/>" for size in (256, 257)),
    *(f'<Data><a xmlns = "{"u" * size}"/></Data>' for size in (256, 257)),
)  # fmt: skip
TEXTS = (
    "", " ", "\n", "\ufeff", "\ufeff{}", "\ufeff\ufeff{}", "{}", "[]", "[{}]", "null", "true", "5", '"{}"',
    "{} {}", "x", '{"a": 1,}', "{'a': 1}", '{"a": x}', '{"a": 01}', '{"a": 1 "b": 2}', '{"a" 1}', '{"a": 1',
    '{"a": "x', '{"a": "x\ny"}', '{"a": "\\y"}', '{"a": "\\u12"}', '{"a": "\\u12x4"}', '{"a": "\\',
    '{"a": NaN}', '{"a": -Infinity}', '{"a": -}', '{"a": 1.}', '{"a": .5}', '{"a": 1e}', '{"a": +1}',
    '{"a": 1e999}', '{"a": -1e999}', '{"a": ' + "9" * 1001 + "}", '{"a": ' + "9" * 1000 + "}", '{"a": tru}',
    '{"a": [1, 2}', '{"a": [1 2]}', '{"a": [1,]}', "[1", "[", "{", '{"', "]", '{"a": 1}}', '{"a": 1} // b',
    "{\u201ca\u201d: 1}", '{"a": \u201cx\u201d}', '{"a": "x\u201d}', '{"a": "x\u201d, "b": 1}',
    '{\n \u00a0"a": 1}', '{"a":\u00a01}', "\u00a0{}", '{"a": "\U0001f600" x}', '{"\U0001f600":\n\n "\t"}',
    '{"a": 1, "a": 1}', '{"a": {"b": 1, "b": 2}}', '{"a": [{"b": 1, "b": 2}], "a', '{"a": "\\ud800"}',
    '{"\\udc00": 1}', '{"a": "\\ud83d\\ude00"}', '{"a": [["\\ud83d"]]}', "[" * 33 + "]" * 33,
    "[" * 32 + "]" * 32, '{"channel": "A\\ud800", "topic": 1}', '{"Channel": "A", "channel": "B"}',
    '{"channel": " A ", "topic": 1}', '{"channel": "' + "A" * 300 + '"}', '{"a\'b": 1, "A\'b": 2}',
    '{"a\\"b": 1, "A\\"b": 2}', '{"\\n\u202e": 1, "\\N": 2}', '{"\u00df": 1, "SS": 2}',
    '{"\u0130": 1, "i\u0307": 2}',
)  # fmt: skip

DATA: tuple[Any, ...] = (
    *({}, [], None, "x", {"CValue": "1"}, {"cvalue": "1", "OPERATION": "x"}, {"modes": "<Data/>"}),
)
SIGNS = "{}[]\":,\\'<>&;/!?-=. \n\t0123456789eE+untfalse\u00a0\u201d\U0001f600\u0130\u00df\x0b"
DAMAGES = 40
"""Damaged texts per example, and per three pieces of XML."""


class Case(NamedTuple):
    """One message as it is published; ``properties`` as the checker has them."""

    text: str
    properties: dict[str, str]


def cases(operations: list[Declared]) -> Iterator[Case]:
    """Yield all of them."""
    for text in (*TEXTS, *_at_the_limits()):
        yield Case(text, {})
    for operation in operations:
        for value in _envelopes(operation):
            yield Case(json.dumps(value, ensure_ascii=False), {"replyTo": "replies", "correlationId": "1"})
    yield from _damaged(operations)
    for one in siblings():
        channel, topic, subtopic = Declared(one, Rules()).routes[0].request
        yield Case(json.dumps({"channel": channel, "topic": f" {topic}", "subtopic": subtopic.lower()}), {})
    for name in ("__proto__", "constructor", "toString"):
        yield Case(json.dumps({"channel": name, "topic": name, "subtopic": name}), {})
        yield Case(json.dumps({"channel": "LCM", "topic": "WebService", "subtopic": name}), {})
    valid = json.dumps(next(_envelopes(operations[0])))
    many = ",".join(f'"n{number}":0' for number in range(70_000))
    yield Case(valid.replace('"data": {', f'"data": {{{many},'), {})
    yield Case(f'{{"channel":[{"1," * 300_000}1]}}', {})
    for name in ("replyTo", "correlationId", "messageId", "idempotencyKey", "deadline"):
        for value in (
            "",
            "x",
            "1",
            "x" * 255,
            "x" * 256,
            "-1",
            "\u0661",
            "lcm.requests.agent",
            "lcm.dead-letters",
        ):
            yield Case(valid, {name: value})
            yield Case('{"channel": "LCM"}', {name: value})


def _at_the_limits() -> Iterator[str]:
    """Yield bodies of as many values, and as long a string, as are taken, and of one more."""
    for more in (0, 1):
        values = LIMITS.values - 1 + more  # one is that of the object itself
        yield json.dumps({"a": {str(number): '[",\\' for number in range(values)}}, indent=more)
        yield json.dumps({"a": [[], {}, "[,"] * (values // 3) + [0] * (values % 3)})
        for sign in ("x", "\U0001f600"):
            yield json.dumps({"a": sign * (LIMITS.string_chars + more)}, ensure_ascii=False)
        yield json.dumps({"x" * (LIMITS.string_chars + more): 1})


def _damaged(operations: list[Declared]) -> Iterator[Case]:
    """Yield texts with signs lost, changed, moved or added; the same ones each time."""
    chance = random.Random(7)  # noqa: S311 - no secret
    for operation in operations:
        right = next(_envelopes(operation))
        text = json.dumps(right, ensure_ascii=False, indent=1)
        for _ in range(DAMAGES):
            yield Case(_hurt(text, chance), {})
        for field in operation.fields:
            for xml in XMLS if type(field).__name__ == "Xml" else ():
                for _ in range(DAMAGES // 3):
                    data = {**right["data"], field.name: _hurt(xml[:400], chance)}
                    yield Case(json.dumps({**right, "data": data}), {})


def _hurt(text: str, chance: random.Random) -> str:
    signs = list(text)
    for _ in range(chance.choice([1, 1, 2, 3])):
        at = chance.randrange(len(signs) + 1)
        match chance.randrange(4):
            case 0:
                del signs[at : at + 1]
            case 1:
                signs.insert(at, chance.choice(SIGNS))
            case 2:
                signs[at : at + 1] = chance.choice(SIGNS)
            case _:
                begin = at + chance.randrange(12)
                signs[at:at] = signs[begin : begin + chance.randrange(10)]
    return "".join(signs)


def _envelopes(operation: Declared) -> Iterator[Any]:
    data = _data(operation)
    for route in operation.routes:
        channel, topic, subtopic = route.request
        right = {"channel": channel, "topic": topic, "subtopic": subtopic, "data": data}
        yield right
        yield from _addressed(right)
        for given in DATA:
            yield {**right, "data": given}
    for field in operation.fields:
        yield from _broken(operation, data, field)
    yield {**right, "data": {name.upper(): value for name, value in data.items()}}
    yield {**right, "data": {**data, "unknown": {"deep": [1, {"er": None}]}}}
    yield {**right, "data": dict.fromkeys(data)}


def _addressed(right: Data) -> Iterator[Any]:
    for name in ("channel", "topic", "subtopic"):
        word = right[name]
        for other in (
            f" {word}\t",
            word.lower(),
            word.upper(),
            f"\x1c{word}\u00a0",
            word[:-1],
            f"{word}x",
            "",
            "x" * 129,
        ):
            yield {**right, name: other}
        for other in (None, 1, 1.5, True, [], {}):
            yield {**right, name: other}
        yield {key: value for key, value in right.items() if key != name}
        yield {name.upper(): word, **{key: value for key, value in right.items() if key != name}}
        yield {**right, name.upper(): word}
    yield {**right, "message": {}}
    yield {**right, "message": None}
    yield {**right, "data": None, "message": {}}
    yield {**right, "data": None, "message": None}
    yield {"channel": 1, "message": None}
    yield {**right, "source": "me", "Source": "you"}
    yield {**right, "source": 5, "more": 1}


def _broken(operation: Declared, data: Data, field: Field) -> Iterator[Any]:
    channel, topic, subtopic = operation.routes[0].request
    envelope = {"channel": channel, "topic": topic, "subtopic": subtopic}
    names = {name.casefold() for name in (field.name, *field.aliases)}
    others = {name: value for name, value in data.items() if name.casefold() not in names}
    yield {**envelope, "data": others}
    for value in (*VALUES, *(XMLS if type(field).__name__ == "Xml" else ())):
        for name in (field.name, *field.aliases):
            yield {**envelope, "data": {**others, name: value}}
    for alias in field.aliases:
        for one, other in (
            ("a", "a"),
            ("a", "b"),
            ("<Data/>", "<Data/>"),
            ("<Data/>", {}),
            (None, "a"),
            (1, "1"),
            (1, 1.0),
        ):
            yield {**envelope, "data": {**others, field.name: one, alias: other}}
        yield {**envelope, "data": {**others, alias.lower(): "a", alias.upper(): "a"}}


def _data(operation: Declared) -> Data:
    example = operation.declaration.example
    return {} if example is None else dict(cast("Data", example.data))
