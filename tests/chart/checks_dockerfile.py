"""The Dockerfile by the rules of hadolint, which `make chart` installs. `make image-test` runs the image."""

from chart.helm import ROOT
from chart.tools import against_hadolint


def test_the_dockerfile() -> None:
    """Hadolint finds nothing."""
    assert [] == against_hadolint((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_hadolint_finds_something() -> None:
    """It does look: a base image without a version is found."""
    assert any("DL3006" in one for one in against_hadolint("FROM debian\n"))
