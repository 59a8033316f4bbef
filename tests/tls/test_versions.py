"""Which versions of TLS the bridge speaks, whatever Python and OpenSSL are set to."""

import ssl
from ssl import TLSVersion

import pytest
from pydantic import SecretStr
from yarl import URL

from bridge.bus.login import tls_context as of_rabbitmq
from bridge.lcm.login import tls_context as of_lcm
from bridge.settings import Lcm, Redis
from bridge.store.login import login
from bridge.tls import without_old_versions


@pytest.mark.parametrize(
    ("allowed", "spoken"),
    [
        (TLSVersion.MINIMUM_SUPPORTED, TLSVersion.TLSv1_2),
        (TLSVersion.TLSv1_2, TLSVersion.TLSv1_2),
        (TLSVersion.TLSv1_3, TLSVersion.TLSv1_3),
    ],
)
def test_nothing_older_than_tls_1_2_is_spoken(allowed: TLSVersion, spoken: TLSVersion) -> None:
    """Debian's Python leaves it to OpenSSL; a stricter choice of the system stays."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = allowed

    assert spoken is without_old_versions(made).minimum_version


@pytest.mark.parametrize("query", ["", "?ssl_check_hostname=false"])
def test_every_server_is_spoken_to_so(query: str) -> None:
    """RabbitMQ, LCM and Redis; also without a certificate, and where the URL asks for something itself."""
    made = [
        of_rabbitmq(URL("amqps://localhost/")),
        of_lcm(Lcm(base_url="https://localhost/lcm")),
        login(Redis(url=SecretStr(f"rediss://localhost/0{query}"))).tls,
    ]

    for one in made:
        assert isinstance(one, ssl.SSLContext)
        assert one.minimum_version in {TLSVersion.TLSv1_2, TLSVersion.TLSv1_3}
