"""What the page's script works with: the rules of the envelope checker, the examples and the programs."""

from typing import Any

from bridge.page.contract import Contract, Field, Operation
from bridge.page.html import pretty
from bridge.page.programs import LANGUAGES, answered, template

Data = dict[str, Any]


def rules(contract: Contract) -> Data:
    """Return what the checker must know; the names are those of its script."""
    return {
        "limits": {
            "bodyBytes": contract.limits["most-bytes"],
            "depth": contract.limits["most-levels"],
            "values": contract.limits["most-values"],
            "stringChars": contract.limits["longest-string"],
        },
        "ownQueues": [*contract.queues, contract.dead_letters],
        "errors": {
            str(error["errorType"]): {
                "msg": error["msg"],
                "retryable": error["retryable"],
                "advice": error["action"],
            }
            for error in contract.errors
        },
        "operations": [_operation(one) for one in contract.operations],
        "off": dict(contract.off),
    }


def script_data(contract: Contract) -> Data:
    """Return all that the page's script reads."""
    return {
        "rules": rules(contract),
        "programs": {
            name: {
                "title": language.title,
                "template": template(language, contract),
                "escapes": language.escapes,
            }
            for name, language in LANGUAGES.items()
        },
        "operations": {
            one.name: {"envelope": pretty(one.envelope), "routingKey": one.routes[0].routing_key}
            for one in answered(contract)
        },
    }


def _operation(operation: Operation) -> Data:
    effect = operation.side_effect
    when = None
    if not isinstance(effect, bool):
        [(name, value)] = effect.items()
        when = {"field": name, "value": value}
    return {
        "name": operation.name,
        "effect": effect is True,
        "effectWhen": when,
        "echoes": not operation.calls_lcm,
        "routes": [
            {
                "request": route.request,
                "reply": route.reply,
                "toldBy": None if route.told_by is None else _telling(route.told_by),
                "refuses": None
                if route.refuses is None
                else {**_telling(route.refuses), "because": route.refuses["problem"]},
            }
            for route in operation.routes
        ],
        "fields": [_field(one) for one in operation.fields],
    }


def _telling(telling: Any) -> Data:  # noqa: ANN401 - a part of the document
    return {"members": telling["members"], "least": telling["least"]}


def _field(field: Field) -> Data:
    check = dict(field.check)
    kind = "words" if "words" in check else check["type"]
    names = {"not_before": "notBefore"}
    limits = {names.get(name, name): value for name, value in check.items() if name != "type"}
    given = {"name": field.name, "aliases": field.aliases, "required": field.required, "kind": kind}
    return {**given, **limits, **({} if field.default is None else {"default": field.default})}
