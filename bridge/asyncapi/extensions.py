"""What the keys that begin with ``x-`` mean, and what the bridge checks beyond the schemas."""

from bridge.advice import ADVICE
from bridge.envelope import MAX_ECHOED_CHANNEL
from bridge.jsontypes import JsonObject, JsonValue
from bridge.operations.fields import FALSE, LEAST_DIGITS, TRUE
from bridge.operations.xmltext import LONGEST_NAME, NAME, ROOT
from bridge.settings import LimitSettings

EXTENSIONS: JsonObject = {
    "x-aliases": "Further names of a field. Two that are given must agree. Each is a property too, marked"
    " by x-alias-of.",
    "x-alias-of": "The property is another name of this field.",
    "x-case-insensitive": "Of an object: the names of its members are matched without regard to case, and"
    " the same name twice, in whatever spelling, is refused (INVALID_ENVELOPE). Of a value: it is matched"
    " without regard to case. What is within a member of `data` is taken as it stands.",
    "x-trimmed": "Blanks around the value are ignored.",
    "x-check": "What the bridge checks of a field: `type`, explained in x-field-types, and its limits"
    " (null: no such limit). It says all that is checked; the JSON schema beside it what JSON schema can"
    " say. Faults are told in the order of the properties, those of `not_before` last. `least` and `most`"
    " are decimal texts, as 64 bits do not fit into the numbers of each reader of JSON. `setting` names the"
    " bridge's setting that the limit is, if it is one.",
    "x-told-by": "Of an address that operations share: the first of `first-of` of whose `members` at least"
    " `least` are in `data` (names without regard to case) is meant. Else data with `least` of the members"
    " of `refuses` is refused as INVALID_DATA, its `data` with that `problem`. Else it is that of"
    " `otherwise`, or refused with its `problem` in the name of its `operation`.",
    "x-operation": "The name in metrics, logs and settings; which queue it is bound to; from where it is;"
    " whether it has a side effect (true, false, or the value of a field with which it has one); whether"
    " every success is published to the events exchange too; whether LCM is called.",
    "x-amqp-property": "No header, but this basic property of AMQP.",
    "x-answers": "The request that the example of a failure answers.",
    "x-envelope": "What is checked of every request before its operation is known, and the limits of the"
    " site.",
    "x-errors": "Each errorType: what happened, what to do, whether the request may be sent again (as it"
    " is, once changed, to ask what became of it, no) and with which key (same or new, same, new); `msg`"
    " is what the person at the desk reads where LCM gives no text of its own.",
    "x-off": "The addresses of operations that come with the bridge and are off here, and their names. The"
    " site's operators turn them on.",
    "x-field-types": "What each type of x-check takes.",
}


def field_types() -> JsonObject:
    """Return what each type of field takes, in words and in numbers."""
    return {
        "text": {
            "about": "A string of `shortest` to `longest` characters (code points), never made out of a"
            " number, without a NUL character; not blank unless `shortest` is 0. With `words`: one of"
            " them, without regard to case and to blanks around it.",
        },
        "integer": {
            "about": "A JSON integer, or a string of the digits 0 to 9, from `least` to `most`; never a"
            " boolean or a fraction, such as 1.0.",
        },
        "decimal": {
            "about": 'A JSON number, or a string such as "12.50": up to 19 digits, and 9 behind the point;'
            " from `least` to `most`; never a boolean.",
        },
        "flag": {
            "about": "true or false, 1 or 0, or one of these words, without regard to case.",
            "true": list(TRUE),
            "false": list(FALSE),
        },
        "minute": {"about": f"A date and time that exists, as dd/mm/yyyy HH:MM. {_NOT_BEFORE}"},
        "date": {"about": f"A date that exists, as dd/mm/yyyy. {_NOT_BEFORE}"},
        "time": {"about": "A time of day as HH:MM, 00:00 to 23:59."},
        "xml": {
            "about": "Well-formed XML as a string, with the root element `root`, without a document type"
            " or entities; or a JSON object of strings and objects, whose members become the elements"
            " under it (their names match `name-pattern`, where \\w is a letter or digit of any script, or"
            " _). At most `longest` characters of XML.",
            "root": ROOT,
            "name-pattern": f"^{NAME.pattern}$",
            "longest-name": LONGEST_NAME,
        },
        "phone": {
            "about": "At least `least-digits` digits, at most `longest` characters: digits, a leading +,"
            " *, #, blanks, ., - and round or square brackets.",
            "least-digits": LEAST_DIGITS,
        },
        "object": {"about": "A JSON object, passed on as it stands."},
        "array": {"about": "A JSON array of at most `longest` items, passed on as it stands."},
    }


_NOT_BEFORE = "With `not_before`: not before the value of that field, if that is given and right."


def envelope(limits: LimitSettings) -> JsonObject:
    """Return what is checked of every request before its operation is known."""
    return {
        "most-bytes": limits.body_bytes,
        "most-levels": limits.depth,
        "most-values": limits.json_values,
        "longest-string": limits.string_chars,
        "most-header-bytes": limits.header_bytes,
        "longest-echoed-channel": MAX_ECHOED_CHANNEL,
        "rules": [
            "The body is one JSON object in UTF-8; a byte-order mark is tolerated, NaN and Infinity are not.",
            "It has at most `most-bytes` bytes, and is nested at most `most-levels` deep.",
            "Its objects and arrays have at most `most-values` values together.",
            "No string and no key has more than `longest-string` characters (code points).",
            "The AMQP properties of a first delivery have at most `most-header-bytes` bytes with headers.",
            "No object has the same key twice; in the envelope and in `data`, also not in two spellings.",
            "channel, topic and subtopic are there, and strings: else INVALID_ENVELOPE.",
            "`data` is there, and an object: else INVALID_DATA, field data.",
            "`message` without `data` (or with null) makes it a reply, which is never answered.",
            "Unknown members are ignored; of a relay they are passed on.",
            "null for an optional field counts as absent, for a mandatory one as missing.",
        ],
    }


def errors() -> list[JsonValue]:
    """Return what each failure means and what to do about it, in the order of the contract."""
    return [
        {
            "errorType": kind.error_type,
            "retryable": kind.retryable,
            "happened": advice.happened,
            "action": advice.action,
            "again": advice.again,
            "key": advice.key,
            "msg": kind.default_msg,
        }
        for kind, advice in ADVICE.items()
    ]
