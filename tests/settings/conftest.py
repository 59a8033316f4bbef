"""A folder without settings, and a way to give some from each source."""

from pathlib import Path

import pytest
from settings.settings_sources import Sources


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Give settings from any source; the current folder has none."""
    monkeypatch.chdir(tmp_path)
    return Sources(tmp_path, monkeypatch)
