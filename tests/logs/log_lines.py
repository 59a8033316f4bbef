"""Reads back what was logged."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from bridge import logs
from bridge.settings import Log


@dataclass
class Lines:
    """What stands on standard output."""

    capsys: pytest.CaptureFixture[str]

    def configure(self, **settings: Any) -> Any:
        """Configure logs; give a logger of our own."""
        logs.configure(Log.model_validate(settings))
        return structlog.get_logger("test")

    def text(self) -> str:
        """Give what was written since the last look; nothing goes to standard error."""
        out, err = self.capsys.readouterr()
        assert "" == err
        return out

    def read(self) -> list[dict[str, Any]]:
        """Give the lines, each of them a JSON object."""
        return [json.loads(line) for line in self.text().split("\n")[:-1]]

    def last(self) -> dict[str, Any]:
        """Give the only line."""
        [line] = self.read()
        return line
