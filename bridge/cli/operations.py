"""``lcm-bridge operations``: what there is, what a declaration says, and whether one is right."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bridge.cli.completing import FILES, OPERATIONS, completed
from bridge.cli.display import console, plain, print_table
from bridge.configuration import beside, load
from bridge.declarations import read_file
from bridge.exitcodes import DONE, FAILED
from bridge.operations.declared.conflicts import conflicts
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import BadDeclaration, Declaration
from bridge.operations.model import Rules
from bridge.operations.shipped import SIBLING, origin_of, siblings

HELP = "list, show or check the operations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take one of the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what this bridge knows")
    listing.add_argument("--all", action="store_true", help="also those that come with it and are off")
    listing.add_argument("--names", action="store_true", help="only their names, one per line")
    showing = actions.add_parser("show", help="one operation, in words and as it is declared")
    completed(showing.add_argument("name", metavar="NAME"), OPERATIONS)
    showing.add_argument("--toml", action="store_true", help="only its declaration")
    checking = actions.add_parser("check", help="whether declarations are right, and fit beside the others")
    completed(checking.add_argument("files", nargs="+", type=Path, metavar="FILE"), FILES)
    for action in (listing, showing, checking):
        action.add_argument("--json", action="store_true", help="as JSON")


def main(args: argparse.Namespace) -> int:
    """Return 1 for a name that there is not and for a bad declaration. Raises `BadSettings`."""
    actions = {"list": _list, "show": _show, "check": _check}
    return actions[args.action](args)


def _known() -> dict[str, tuple[Declared, str]]:
    """Return each operation and where it is from, those that are off last."""
    known = {
        one.name: (one, origin_of(one.declaration) or one.declaration.file)
        for one in load().catalogue.operations
    }
    off = (Declared(one, Rules()) for one in siblings() if one.name not in known)
    return known | {one.name: (one, f"{SIBLING}, off") for one in off}


def _list(args: argparse.Namespace) -> int:
    known = [both for both in _known().values() if args.all or not both[1].endswith(", off")]
    if args.names:
        sys.stdout.writelines(f"{operation.name}\n" for operation, _ in known)
        return DONE
    if args.json:
        _print_json([_summary(*both) for both in known])
        return DONE
    rows = []
    for told in (_summary(*both) for both in known):
        addresses = "\n".join(route["request"] for route in told["routes"])
        rows.append((told["name"], addresses, told["queue"], told["side_effect"], told["from"]))
    print_table(("name", "request", "queue", "side effect", "from"), rows)
    return DONE


def _show(args: argparse.Namespace) -> int:
    known = {name.casefold(): both for name, both in _known().items()}
    found = known.get(args.name.casefold())
    if found is None:
        names = ", ".join(one.name for one, _ in known.values())
        sys.stderr.write(f"{args.name!a} is no operation; there are {names}\n")
        return FAILED
    operation, origin = found
    text = operation.declaration.text
    if args.json:
        _print_json(_summary(operation, origin) | {"data": _data(operation), "toml": text})
    elif args.toml:
        sys.stdout.write(text)
    else:
        for line in _words(operation, origin):
            console().print(plain(line), soft_wrap=True)
        print_table(*_fields(operation))
        console().print(plain(f"\n{text}"), soft_wrap=True)
    return DONE


def _check(args: argparse.Namespace) -> int:
    found: list[Declaration] = []
    faults: list[str] = []
    others, site = beside(args.files)
    for file in args.files:
        try:
            found.append(read_file(file, site))
        except BadDeclaration as bad:
            faults += bad.faults
    faults += conflicts([*others, *found])
    if args.json:
        _print_json({"operations": [one.name for one in found], "faults": faults})
    else:
        bad_files = {fault.partition(": ")[0] for fault in faults}
        sys.stderr.writelines(f"{fault}\n" for fault in faults)
        sys.stdout.writelines(
            f"{one.file}: {one.name} is right{'' if one.form.example else '; it has no example'}\n"
            for one in found
            if one.file not in bad_files
        )
    return FAILED if faults else DONE


def _summary(operation: Declared, origin: str) -> dict[str, Any]:
    return {
        "name": operation.name,
        "about": operation.declaration.form.about,
        "routes": [
            {"request": str(route.request), "reply": str(route.reply) if operation.replies else None}
            for route in operation.routes
        ],
        "queue": operation.lane,
        "method": operation.method if operation.calls_lcm else None,
        "side_effect": _side_effect(operation),
        "from": origin,
    }


def _side_effect(operation: Declared) -> str:
    form = operation.declaration.form
    for name, value in (form.side_effect_when or {}).items():
        return f"if {name} is {orjson.dumps(value).decode()}"
    return "yes" if form.side_effect else "no"


def _data(operation: Declared) -> dict[str, Any]:
    forms = operation.declaration.form.data
    return {
        field.name: {
            "about": forms[field.name].about,
            "aliases": list(field.aliases),
            "required": field.required and field.default is None,
            "default": field.default,
            "lcm": None if forms[field.name].lcm is False else forms[field.name].lcm or field.name,
            "schema": field.schema(),
        }
        for field in operation.fields
    }


def _words(operation: Declared, origin: str) -> Iterator[str]:
    told = _summary(operation, origin)
    yield f"{told['name']} ({origin})"
    yield told["about"]
    yield ""
    for route in told["routes"]:
        yield f"request {route['request']}, " + (
            f"answered on {route['reply']}" if route["reply"] else "never answered"
        )
    yield f"queue: {told['queue']}"
    yield f"LCM's method: {told['method'] or 'none, LCM is not called'}"
    yield f"side effect, guarded by the request ledger: {told['side_effect']}"
    yield ""


def _fields(operation: Declared) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headings and rows of its table."""
    rows: list[tuple[str, ...]] = []
    for name, about in _data(operation).items():
        kind = operation.declaration.form.data[name].model_dump()["type"]
        default = "" if about["default"] is None else orjson.dumps(about["default"]).decode()
        must = "yes" if about["required"] else "no"
        also, lcm = ", ".join(about["aliases"]), about["lcm"] or "not told"
        rows.append((name, also, kind, must, default, lcm, about["about"]))
    return ("data", "also", "type", "must", "default", "to LCM", "about"), rows


def _print_json(value: object) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
