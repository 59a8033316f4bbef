"""Loading the declarations of operations: those that come with the bridge, those in a site's directory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.hints import hint
from bridge.operations.catalogue import OPERATIONS
from bridge.operations.declared.conflicts import MOST_OPERATIONS, conflicts
from bridge.operations.declared.examples import example_faults
from bridge.operations.declared.operation import Declared
from bridge.operations.declared.reading import LONGEST_TEXT, BadDeclaration, Declaration, read
from bridge.operations.model import WIDEST, Rules
from bridge.operations.shipped import siblings
from bridge.settings import Operations, Settings
from bridge.strictjson import Limits

ALL = "*"
"""Turns on every sibling."""

DIRECTORY = "operations.directory"
"""The setting that names the directory."""


def rules(settings: Settings) -> Rules:
    """Return what translation needs of the settings."""
    return Rules(
        contacts=settings.limits.contacts,
        xml_chars=settings.limits.xml_chars,
        single_contact_as_object=settings.contract.single_contact_as_object,
    )


def limits(settings: Settings) -> Limits:
    """Return how large an envelope may be."""
    given = settings.limits
    return Limits(
        body_bytes=given.body_bytes,
        depth=given.depth,
        values=given.json_values,
        string_chars=given.string_chars,
        header_bytes=given.header_bytes,
    )


def rules_of(tree: Mapping[str, Any]) -> Rules:
    """Return the same of all settings as they were given, which need not be right: then the defaults."""
    try:
        given = {name: tree[name] for name in ("limits", "contract") if name in tree}
        return rules(Settings.model_validate(given))
    except ValidationError:
        return Rules()


def of_site(tree: Mapping[str, Any], default: Path, wrong: list[str]) -> list[Declaration]:
    """Return every declaration that a site has.

    ``tree`` are all settings as they were given, which need not be right; ``default`` is the directory where
    they name none, and need not exist. What is wrong with the declarations is added to ``wrong``, else
    names of operations that there are not.
    """
    try:
        chosen = Operations.model_validate(tree.get("operations") or {})
    except ValidationError:
        return []  # told of with all other settings
    faults: list[str] = []
    found = [*OPERATIONS, *_siblings(chosen.siblings, faults)]
    found += _all(_files(chosen.directory, default, faults), faults, rules_of(tree))
    faults += conflicts(found)
    wrong += faults or _strange_names(tree, [one.name for one in found])
    return found


def beside(files: Sequence[Path], tree: Mapping[str, Any], default: Path) -> list[Declaration]:
    """Return what a site has beside some files, as far as it is right.

    ``tree`` are all settings as they were given, which need not be right.
    """
    try:
        chosen = Operations.model_validate(tree.get("operations") or {})
    except ValidationError:
        chosen = Operations()
    wrong: list[str] = []
    own = {file.resolve() for file in files}
    others = [one for one in _files(chosen.directory, default, wrong) if one.resolve() not in own]
    return [*OPERATIONS, *_siblings(chosen.siblings, wrong), *_all(others, wrong, rules_of(tree))]


def read_directory(directory: Path, named: str = DIRECTORY) -> list[Declaration]:
    """Read what a directory declares, whatever the limits of the site are.

    ``named`` is who names the directory. Raises `BadDeclaration`.
    """
    wrong: list[str] = []
    found = _all(_files(str(directory), directory, wrong, named), wrong, WIDEST)
    if wrong:
        raise BadDeclaration(wrong)
    return found


def _strange_names(tree: Mapping[str, Any], there: list[str]) -> list[str]:
    """Find settings of operations that there are not."""
    known = {name.casefold() for name in there}
    lcm = tree.get("lcm")
    given = {
        "lcm.methods": lcm.get("methods") if isinstance(lcm, dict) else None,
        "access": tree.get("access"),
        "sources": tree.get("sources"),
    }
    wrong = []
    for group, names in given.items():
        seen: set[str] = set()
        for name in names if isinstance(names, dict) else ():
            if (folded := name.casefold()) not in known:
                wrong.append(f"{group}: {name} is no operation; there are {', '.join(there)}")
            elif folded in seen:
                wrong.append(f"{group}: {name} is given twice; names are matched without regard to case")
            seen.add(folded)
    return wrong


def read_file(file: Path, site: Rules) -> Declaration:
    """Read one declaration under the rules of a site, and hold its example against it.

    Raises `BadDeclaration`.
    """
    try:
        if file.stat().st_size > 4 * LONGEST_TEXT:
            raise BadDeclaration([f"{file}: is too large for a declaration"])
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise BadDeclaration([f"{file}: {problem}"]) from error
    declaration = read(text, str(file))
    # Whatever the site makes of a single contact, the example shows it as the contract does by default.
    plain = replace(site, single_contact_as_object=Rules().single_contact_as_object)
    if wrong := list(example_faults(Declared(declaration, plain))):
        raise BadDeclaration(wrong)
    return declaration


def _all(files: Iterable[Path], wrong: list[str], site: Rules) -> list[Declaration]:
    found = []
    for file in files:
        try:
            found.append(read_file(file, site))
        except BadDeclaration as bad:
            wrong += bad.faults
    return found


def _siblings(names: list[str], wrong: list[str]) -> Iterator[Declaration]:
    known = {one.name.casefold(): one for one in siblings()} if names else {}
    wanted = list(known) if ALL in names else [name.strip().casefold() for name in names]
    for name in dict.fromkeys(wanted):
        if name in known:
            yield known[name]
            continue
        names_of_all = {folded: one.name for folded, one in known.items()}
        near = hint(name, names_of_all, "lcm-bridge operations list --all shows them")
        wrong.append(f"operations.siblings: {name!a} is no operation that comes with the bridge; {near}")


def _files(directory: str, default: Path, wrong: list[str], named: str = DIRECTORY) -> list[Path]:
    folder = Path(directory) if directory else default
    try:
        # A mounted ConfigMap holds hidden directories, and its files are links into them.
        found = sorted(
            one for one in folder.iterdir() if one.suffix == ".toml" and not one.name.startswith(".")
        )
    except FileNotFoundError:
        if directory:
            wrong.append(f"{named}: there is no directory {directory}")
        return []
    except OSError as error:
        wrong.append(f"{named}: {folder}: {error.strerror}")
        return []
    if len(found) > MOST_OPERATIONS:
        wrong.append(f"{named}: {folder} holds {len(found)} files; at most {MOST_OPERATIONS}")
        return []
    return found
