"""``config/bridge.toml`` shows every setting as it is now."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from bridge.configuration import load
from bridge.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config" / "bridge.toml"
# A setting is commented out with one blank, prose with three.
SETTING = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)


def test_the_file_is_what_the_script_writes() -> None:
    """After a change of the settings the file is written anew: .venv/bin/python scripts/write_config.py."""
    written = runpy.run_path(str(ROOT / "scripts" / "write_config.py"))["text"]()

    assert written == FILE.read_text(encoding="utf-8")


def test_the_file_as_it_is_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is commented out."""
    monkeypatch.setenv("BRIDGE_CONFIG", str(FILE))
    loaded = load()

    assert Settings() == loaded.settings
    assert {} == loaded.sources


def test_uncommented_it_holds_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each line can be uncommented as it stands; all together are the defaults, and none is missing."""
    whole = SETTING.sub("", FILE.read_text(encoding="utf-8"))
    copy = tmp_path / "whole.toml"
    copy.write_text(whole, encoding="utf-8")
    monkeypatch.setenv("BRIDGE_CONFIG", str(copy))
    expected = {
        group: sorted(getattr(info.annotation, "model_fields", {}))
        for group, info in Settings.model_fields.items()
    }

    assert expected == {group: sorted(names) for group, names in tomllib.loads(whole).items()}
    assert Settings() == load().settings


def test_the_examples_can_be_taken_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What stands behind "for example" is a setting that loads."""
    text, count = re.subn(r"(?m)^# +for example: ", "", FILE.read_text(encoding="utf-8"))
    copy = tmp_path / "examples.toml"
    copy.write_text(text, encoding="utf-8")
    monkeypatch.setenv("BRIDGE_CONFIG", str(copy))
    loaded = load()

    assert 4 == count
    assert ["SetDNC", "AddCompliance"] == loaded.settings.operations.siblings
    assert {"CreateContact": "AddContact"} == loaded.settings.lcm.methods
    assert {"CreateContact": ["campaign-loader"]} == loaded.settings.access
    assert {"CreateContact": ["nightly-import"]} == loaded.settings.sources


def test_secrets_are_named_as_such() -> None:
    """The file itself tells where secrets belong."""
    text = FILE.read_text(encoding="utf-8").replace("\n#   ", " ")

    for name in ("AMQP__URL", "REDIS__URL", "LCM__HEADERS", "LCM__PASSWORD", "LCM__BEARER_TOKEN"):
        assert f"SECRET, better as the variable or file BRIDGE_{name}" in text
