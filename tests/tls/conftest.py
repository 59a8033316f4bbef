"""Certificates for all TLS tests, and what the parts log."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import structlog
from tls.secure_servers import PEM, Certificates, Mount, Mounted, Told

from bridge import credentials
from bridge.bus import connection as bus
from bridge.bus import identity, link
from bridge.store import connection as store


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of one run."""
    return Certificates.made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Record what is logged by whatever opens connections, in whatever way logs are configured elsewhere."""
    found = Told()
    for module in (bus, link, identity, store, credentials):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(None, processors=[found.capture]))
    return found


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mount:
    """Mount a secrets directory, for one server with its URL; certificates in it are used."""

    def mounted(group: str, url: str, contents: Mapping[str, str]) -> Mounted:
        secrets = Mounted(tmp_path / "secrets", contents)
        name = "BASE_URL" if group == "lcm" else "URL"
        monkeypatch.setenv(f"BRIDGE_{group.upper()}__{name}", url)
        monkeypatch.setenv("BRIDGE_SECRETS_DIR", str(secrets.folder))
        if PEM[0] in contents:
            for setting, file in secrets.settings().items():
                monkeypatch.setenv(f"BRIDGE_{group.upper()}__{setting.upper()}", file)
        return secrets

    return mounted
