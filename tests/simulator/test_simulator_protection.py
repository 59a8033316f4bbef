"""Credentials in front of the simulator, and TLS."""

import asyncio
import shutil
import ssl
from pathlib import Path

import aiohttp
import pytest
from simulator.simulator_calls import simulated

from bridge.simulator import Options, Protection, Tls

OD = {"UserID": "testagent"}


@pytest.mark.parametrize(
    ("protection", "headers", "status"),
    [
        (Protection(basic_user="u", basic_password="p"), {}, 401),
        (Protection(basic_user="u", basic_password="p"), {"Authorization": "Basic dTp4"}, 401),
        (Protection(basic_user="u", basic_password="p"), {"Authorization": "Basic dTpw"}, 200),
        (Protection(bearer_token="t"), {"Authorization": "Bearer x"}, 401),
        (Protection(bearer_token="t"), {"Authorization": "Bearer t"}, 200),
        (Protection(header=("X-Api-Key", "k")), {}, 403),
        (Protection(header=("X-Api-Key", "k")), {"x-api-key": "k"}, 200),
    ],
)
async def test_credentials_are_asked_for(
    protection: Protection, headers: dict[str, str], status: int
) -> None:
    """Wrong credentials are a 401, a wrong header is a 403; the control API asks for nothing."""
    async with simulated(Options(protection=protection)) as lcm:
        answer = await lcm.post("GetReservedContactOD", OD, **headers)
        control = await lcm.control("GET", "state")

    assert (status, 200) == (answer.status, control.status)
    assert (status == 401) is ("WWW-Authenticate" in answer.headers)


async def _certificate(folder: Path) -> Tls:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lcm"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert 0 == await process.wait()
    return Tls(cert=cert, key=key, client_ca=cert)


async def test_tls_asks_for_a_client_certificate(tmp_path: Path) -> None:
    """With a client CA only callers with its certificate get through."""
    tls = await _certificate(tmp_path)
    async with simulated(Options(tls=tls)) as lcm:
        trusting = ssl.create_default_context(cafile=str(tls.cert))
        url = f"{lcm.simulator.base_url}/GetReservedContactOD"
        with pytest.raises(aiohttp.ClientError):
            await lcm.http.post(url, json=OD, ssl=trusting)
        trusting.load_cert_chain(tls.cert, tls.key)
        async with lcm.http.post(url, json=OD, ssl=trusting) as answer:
            status = answer.status

    assert "https" == lcm.simulator.base_url[:5]
    assert 200 == status
