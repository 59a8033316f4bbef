"""The programs that look at rendered resources and at the Dockerfile: schemas, types, policies, hadolint."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import yaml
from chart.helm import PROGRAMS, ROOT, Resource

TYPES = ROOT / "scripts" / "chart" / "types"

OPERATORS = ("keda.sh", "monitoring.coreos.com")
"""API groups that are not Kubernetes' own: kubernetes-validate does not know them."""


def is_operators(resource: Resource) -> bool:
    """Tell whether a resource is of a kind that an operator brings along."""
    return str(resource["apiVersion"]).partition("/")[0] in OPERATORS


def against_schemas(resources: list[Resource], version: str, folder: Path) -> list[str]:
    """Return what is wrong with resources of Kubernetes' own kinds, unknown members and kinds too."""
    text = _written(resources, folder)
    ended = _run(str(PROGRAMS / "kubernetes-validate"), "--strict", "-k", version, str(text))
    told = [line for line in ended.stdout.splitlines() + ended.stderr.splitlines() if line.strip()]
    passed = [line for line in told if line.startswith("INFO") and " passed for resource " in line]
    # A kind without a schema is but a warning there, and says nothing of the resource.
    if len(passed) == len(resources) and ended.returncode == 0:
        return []
    return [line for line in told if line not in passed] or [
        f"{len(passed)} of {len(resources)} were checked"
    ]


def node_is_there() -> bool:
    """Tell whether the types were installed, for which there must be a Node."""
    return shutil.which("node") is not None and (TYPES / "node_modules" / ".set-up").exists()


def against_types(resources: list[Resource]) -> list[str]:
    """Return what is wrong with resources of any kind, unknown members too."""
    text = yaml.dump_all(resources, Dumper=yaml.CSafeDumper)
    ended = _run("node", str(TYPES / "check.mjs"), given=text)
    found = ended.stdout.splitlines()
    return found if ended.returncode == 0 or found else [ended.stderr]


def against_policies(resources: list[Resource], folder: Path) -> dict[str, set[str]]:
    """Return which policies are not kept, and by which resources (``Kind.name``).

    One call for everything: to start, the program takes longer than for the work.
    """
    text = _written(resources, folder)
    options = ("--framework=kubernetes", "--skip-download", "--quiet", "--compact", "--output=json")
    ended = _run(str(PROGRAMS / "checkov"), *options, f"--file={text}")
    told = json.loads(ended.stdout)
    assert told["summary"]["passed"] > len(resources), ended.stdout
    assert not told["summary"]["parsing_errors"], ended.stdout
    found: dict[str, set[str]] = {}
    for one in told["results"]["failed_checks"]:
        kind, _, rest = one["resource"].partition(".")
        found.setdefault(one["check_id"], set()).add(f"{kind}.{re.sub(r'^[^.]*[.]', '', rest)}")
    return found


def against_hadolint(dockerfile: str) -> list[str]:
    """Return what hadolint finds in the text of a Dockerfile, down to questions of style."""
    ended = _run(str(PROGRAMS / "hadolint"), "--no-color", "-", given=dockerfile)
    assert ended.stdout or ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def _written(resources: list[Resource], folder: Path) -> Path:
    file = folder / "rendered.yaml"
    file.write_text(yaml.dump_all(resources, Dumper=yaml.CSafeDumper), encoding="utf-8")
    return file


def _run(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=250, check=False)  # noqa: S603 - the project's own
