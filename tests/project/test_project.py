"""What holds for the project as a whole."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import bridge
from bridge import __main__ as program
from bridge.cli import main

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_imports_point_inwards() -> None:
    """The layers of the architecture hold, and translation stays pure."""
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert 0 == done.returncode, done.stdout + done.stderr


def test_there_is_one_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The package, the installed distribution and the command line tell the same version."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert 0 == ended.value.code
    assert f"lcm-bridge {bridge.__version__}\n" == capsys.readouterr().out
    assert bridge.__version__ == version("lcm-bridge")
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]|rc)?\d*", bridge.__version__)


def test_the_command_is_installed() -> None:
    """``lcm-bridge`` and ``python -m bridge`` are the same program."""
    [command] = [one for one in entry_points(group="console_scripts") if one.name == "lcm-bridge"]

    assert command.load() is program.main


def test_one_oldest_python_is_named() -> None:
    """Package, linter and classifiers agree on it."""
    project = PYPROJECT["project"]
    oldest = project["requires-python"].removeprefix(">=")
    minors = [
        text.rpartition(" ")[2]
        for text in project["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", text)
    ]

    assert oldest == minors[0]
    assert f"py{oldest.replace('.', '')}" == PYPROJECT["tool"]["ruff"]["target-version"]


@pytest.mark.parametrize(
    "lock",
    [f"requirements{of}.lock" for of in ("", "-otel", "-dev", "-bench", "-fuzz", "-mutate")],
)
def test_every_dependency_is_locked_with_hashes(lock: str) -> None:
    """A lock file names each direct dependency in one exact version, and what it must hash to."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    locked = set(re.findall(r"(?m)^([a-z0-9._-]+)==", text))
    extras = PYPROJECT["project"]["optional-dependencies"]
    direct = [*PYPROJECT["project"]["dependencies"], *(extras["otel"] if "otel" in lock else ())]
    wanted = {re.split(r"[\[<>=;, ]", one)[0] for one in direct}

    assert set() == wanted - locked
    assert set() == set(re.findall(r"(?m)^([a-z0-9._-]+)==[^\n\\]*(?!\\)$", text))


def test_names_of_test_files_are_unique() -> None:
    """Test folders are no packages: two files of one name would hide each other."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]

    assert [] == sorted({name for name in names if names.count(name) > 1})
