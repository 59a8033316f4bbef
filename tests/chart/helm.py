"""Helm, and what it makes of the chart."""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "lcm-bridge"
PROGRAMS = ROOT / ".venv-chart" / "bin"

NAME = "lcm-bridge"
NAMESPACE = "contact-centre"

Resource = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Refuses a key that is twice in a map, as Kubernetes' strict validation does; others take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - the base's signature
        keys = [key.value for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep=deep)


class Refused(Exception):
    """Helm does not render the chart with these values."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What Helm made of the chart: each template's text by its path in the chart."""

    files: Mapping[str, str]

    @property
    def text(self) -> str:
        """Everything that is installed, as one YAML text, in the order of the templates' names."""
        texts = [text.strip() for name, text in sorted(self.files.items()) if name.endswith(".yaml")]
        return "\n---\n".join(text for text in texts if text) + "\n"

    @property
    def notes(self) -> str:
        """What is shown after the installation."""
        return self.files["templates/NOTES.txt"]

    @property
    def resources(self) -> list[Resource]:
        """Every resource."""
        return [one for one in yaml.load_all(self.text, _Loader) if one]

    def all(self, kind: str) -> list[Resource]:
        """Return the resources of a kind."""
        return [one for one in self.resources if one["kind"] == kind]

    def one(self, kind: str, name: str = NAME) -> Resource:
        """Return the resource of this kind and name."""
        [resource] = [one for one in self.all(kind) if one["metadata"]["name"] == name]
        return resource

    @property
    def pods(self) -> list[Resource]:
        """The specification and metadata of every pod: of the Deployments and those that stand alone."""
        return [one["spec"]["template"] for one in self.all("Deployment")] + self.all("Pod")

    @property
    def deployment(self) -> Resource:
        """The workers' Deployment."""
        [found] = [
            one for one in self.all("Deployment") if not one["metadata"]["name"].endswith("-simulator")
        ]
        return found

    @property
    def worker(self) -> Resource:
        """The worker's pod template."""
        template: Resource = self.deployment["spec"]["template"]
        return template

    @property
    def secrets(self) -> dict[str, str]:
        """What the chart's own Secret holds."""
        return {
            key: base64.b64decode(value).decode()
            for secret in self.all("Secret")
            for key, value in secret["data"].items()
        }


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm's engine, in a process of its own: the project's environment does not have it."""

    questions: IO[str]
    answers: IO[str]

    def render(
        self, values: Mapping[str, Any] | None = None, *, name: str = NAME, chart: Path = CHART
    ) -> Rendered:
        """Render the chart, or the archive of one. Raises `Refused`."""
        told = self._ask("render", values, name, chart=str(chart))
        return Rendered({path.partition("/")[2]: text for path, text in told["files"].items()})

    def lint(self, values: Mapping[str, Any]) -> list[str]:
        """Return what Helm's strict lint finds."""
        found: list[str] = self._ask("lint", values)["messages"]
        return found

    def install(self, values: Mapping[str, Any]) -> list[Resource]:
        """Return what an installation would send to a cluster: all but hooks. Raises `Refused`."""
        return [one for one in yaml.safe_load_all(self._ask("install", values)["manifest"]) if one]

    def package(self, folder: Path) -> Path:
        """Write the chart's archive into a folder, and return its path."""
        return Path(self._ask("package", {}, to=str(folder))["archive"])

    def _ask(
        self, do: str, values: Mapping[str, Any] | None, name: str = NAME, **more: str
    ) -> dict[str, Any]:
        options = {"name": name, "namespace": NAMESPACE, "kube_version": "v1.31.0"}
        question = {"do": do, "chart": str(CHART), "values": values or {}, "options": options} | more
        self.questions.write(json.dumps(question) + "\n")
        self.questions.flush()
        told: dict[str, Any] = json.loads(self.answers.readline())
        if "refused" in told:
            raise Refused(told["refused"])
        return told


@contextmanager
def helm() -> Iterator[Helm]:
    """Run the engine for the length of a block."""
    program = [str(PROGRAMS / "python"), str(ROOT / "scripts" / "chart" / "render.py")]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - the project's own
        assert process.stdin
        assert process.stdout
        yield Helm(process.stdin, process.stdout)
        process.stdin.close()
        assert process.wait(timeout=10) == 0
