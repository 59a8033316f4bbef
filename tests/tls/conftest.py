"""Certificates for all TLS tests, and what the parts log."""

import pytest
import structlog
from tls.secure_servers import Certificates, Told

from bridge import credentials
from bridge.bus import connection as bus
from bridge.store import connection as store


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of one run."""
    return Certificates.made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What is logged by whatever opens connections, in whatever way logs are configured elsewhere."""
    found = Told()
    for module in (bus, store, credentials):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(None, processors=[found.capture]))
    return found
