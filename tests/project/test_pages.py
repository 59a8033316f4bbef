"""What the pages name is there: files, sections, code, targets of make, commands, settings."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from bridge.cli import COMMANDS
from bridge.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*.md"),
        *(ROOT / "bench").glob("*.md"),
        *(ROOT / "bench" / "peers").glob("*.md"),
        *(ROOT / "helm").rglob("*.md"),
    ]
)
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")

_FENCE = re.compile(r"(?ms)^```.*?^```$")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")

CONNECTIONS = {"direct", "replies", "requests", "suspect"}
"""What may follow `lcm-bridge` besides a command: connections to RabbitMQ have such names."""

NAMES_OF_QUEUES = ("lcm.dead", "lcm.events", "lcm.requests", "lcm.retry")
SUFFIXES = {"json", "py", "toml", "yaml"}


def text_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.+)$", text_of(page))
    plain = (_LINK.sub(r"\1", heading).replace("`", "") for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in plain)


@cache
def names_in(file: Path) -> frozenset[str]:
    """Return what a module defines: names of its top level, and of its classes with a dot."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            members = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{node.name}.{one.name}" for one in members}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id for one in targets if isinstance(one, ast.Name)}
    return frozenset(found)


def links(page: Path) -> list[tuple[str, Path, str]]:
    """Return the text, file and anchor of each link of a page into the repository."""
    found = []
    for text, target in _LINK.findall(text_of(page)):
        path, _, anchor = target.partition("#")
        if "://" not in target and not target.startswith("mailto:"):
            found.append((text, (page.parent / path).resolve() if path else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that there is, and in a page to one of its headings."""
    lost = [
        f"{file}#{anchor}"
        for _, file, anchor in links(page)
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file))
    ]

    assert [] == lost


def test_the_code_that_pages_link_to_by_name_is_there() -> None:
    """A name in a link's text is one of the module that it leads to."""
    linked = [
        (name[1], file)
        for page in PAGES
        for text, file, _ in links(page)
        if file.suffix == ".py" and (name := re.fullmatch(r"`([A-Za-z_]\w*(?:\.\w+)?)`", text))
    ]
    code = [(name, file) for name, file in linked if not name.endswith(".py") and name != file.stem]

    assert len(code) > 20
    assert [] == [f"{name} in {file}" for name, file in code if name not in names_in(file)]


def test_paths_that_pages_name_are_there() -> None:
    """Of files and folders of the repository; what a site makes for itself is no part of it."""
    folders = "bridge|tests|bench|scripts|config|helm|monitoring|examples|docs"
    named = {
        (page.name, path)
        for page in PAGES
        for path in re.findall(rf"`((?:{folders})/[\w./*-]+)`", page.read_text(encoding="utf-8"))
        if not path.startswith("config/operations")
    }

    assert len(named) > 10
    assert [] == sorted(one for one in named if not list(ROOT.glob(one[1])))


def test_no_page_is_an_orphan() -> None:
    """The README leads to every page of docs, and the list of decisions to each of them."""
    readme = {file for _, file, _ in links(ROOT / "README.md")}
    decisions = {file for _, file, _ in links(ROOT / "docs/decisions/README.md")}

    assert [] == [page.name for page in (ROOT / "docs").glob("*.md") if page not in readme]
    assert [] == [page.name for page in (ROOT / "docs/decisions").glob("[!R]*.md") if page not in decisions]


def test_the_layers_are_those_that_are_checked() -> None:
    """The page shows them in the order of pyproject.toml."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    shown = ARCHITECTURE.partition("<!-- as in pyproject.toml -->")[2].partition("<!-- end -->")[0]

    assert contracts["contracts"][0]["layers"] == [line.strip() for line in shown.strip().splitlines()]


def test_every_folder_of_the_package_is_on_the_map() -> None:
    """The page of the architecture names each one."""
    folders = [one.name for one in (ROOT / "bridge").iterdir() if (one / "__init__.py").exists()]

    assert [] == [name for name in folders if f" {name}/" not in ARCHITECTURE]


def test_targets_and_commands_that_pages_name_are_there() -> None:
    """``make something`` and ``lcm-bridge something`` in any page."""
    targets = set(re.findall(r"(?m)^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    whole = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
    made = {
        (name, one)
        for name, text in whole.items()
        for one in re.findall(r"(?:^ {4}|`)make ([a-z][a-z0-9-]+)", text, re.MULTILINE)
    }
    run = {
        (name, one)
        for name, text in whole.items()
        for one in re.findall(r"(?:^ {4}(?:\$ |\.venv/bin/)?|`)lcm-bridge ([a-z][a-z-]+)", text, re.MULTILINE)
    }

    assert [] == sorted((name, one) for name, one in made if one not in targets)
    assert [] == sorted((name, one) for name, one in run if one not in {*COMMANDS, *CONNECTIONS})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_a_page_names_is_there(page: Path) -> None:
    """As ``group.name`` in the text, or as the variable ``BRIDGE_GROUP__NAME``."""
    groups = {
        group: set(getattr(info.annotation, "model_fields", {}))
        for group, info in Settings.model_fields.items()
    }
    text = page.read_text(encoding="utf-8")
    events = set(re.findall(r"(?m)^\| `([a-z_]+\.[a-z_]+)` \|", OPERATING))
    named = {
        (group, name)
        for span in _SPAN.findall(text_of(page))
        for group, name in re.findall(r"(?<![\w./-])([a-z]+)\.([a-z][a-z_]+)(?![\w.(/\\-])", span)
        if groups.get(group) and name not in SUFFIXES
    }
    variables = {
        (group.lower(), name.lower())
        for group, name in re.findall(r"BRIDGE_([A-Z]+)__([A-Z][A-Z_]*[A-Z])", text)
    }
    strange = [
        f"{group}.{name}"
        for group, name in sorted(named | variables)
        if group not in groups or (groups[group] and name not in groups[group])
    ]

    assert [] == [one for one in strange if one not in events and not one.startswith(NAMES_OF_QUEUES)]
