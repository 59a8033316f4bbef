"""The private Prometheus says what is wrong, and leaves nothing behind."""

from pathlib import Path

import pytest
from support.watched_site import needs_prometheus

from monitoring.server import Prometheus, PrometheusFailed, PrometheusMissing


def left_in(folder: Path) -> list[Path]:
    """Return what lies in a folder."""
    return list(folder.iterdir())


async def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is what installs it."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(PrometheusMissing, match="package prometheus"):
        await Prometheus([]).start()


@needs_prometheus
async def test_a_mistake_in_a_rule_is_told_in_its_words(tmp_path: Path) -> None:
    """At the start with what it logged, and at a reload, after which it keeps to what it had."""
    mistaken = tmp_path / "mistaken.yaml"
    mistaken.write_text('{"groups": [{"name": "g", "rules": [{"record": "a", "expr": "rate("}]}]}')

    with pytest.raises(PrometheusFailed, match="parse error"):
        await Prometheus([], rules=[mistaken]).start()

    async with Prometheus([]) as prometheus:
        prometheus.rules.append(mistaken)
        with pytest.raises(PrometheusFailed, match="parse error"):
            await prometheus.reload()
        with pytest.raises(PrometheusFailed, match="parse error"):
            await prometheus.instant("rate(")
        assert [1.0] == [one.value for one in await prometheus.instant("1")]


@needs_prometheus
async def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder goes with it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async with Prometheus([]):
        assert left_in(tmp_path)

    assert not left_in(tmp_path)
