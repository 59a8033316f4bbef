"""What may lie where a certificate or a secret is expected, and what may happen while it is read."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tls.secure_servers import Certificates, Mount, Mounted, Told, lcm_login, pem, watched

from bridge.bus.login import nodes
from bridge.configuration import BadSettings, load
from bridge.credentials import Credentials, Current
from bridge.rereading import files, reread
from bridge.settings import Settings
from bridge.store.login import login

HTTPS = "https://127.0.0.1:1/lcm.svc"
TOKEN = "BRIDGE_LCM__BEARER_TOKEN"


def put_large(place: Path) -> None:
    """Write more than any certificate has."""
    with place.open("wb") as file:
        file.truncate(100 * 1024 * 1024)


ODD = [
    pytest.param(os.mkfifo, "is no file", id="pipe"),
    pytest.param(Path.mkdir, "is no file", id="directory"),
    pytest.param(put_large, "has more than 1048576 bytes", id="large"),
]


@pytest.mark.parametrize(("put", "said"), ODD)
@pytest.mark.parametrize("name", ["ca.pem", "cert.pem", "key.pem"])
async def test_what_is_no_certificate_is_not_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: Told,
    certificates: Certificates,
    name: str,
    put: Callable[[Path], None],
    said: str,
) -> None:
    """A pipe would be waited for, for ever; one line names it, and a right file is then used."""
    monkeypatch.setenv("BRIDGE_LCM__BASE_URL", HTTPS)
    for file, text in pem(certificates.pki.ca, certificates.client).items():
        (tmp_path / file).write_text(text)
        monkeypatch.setenv(f"BRIDGE_LCM__{file.replace('.pem', '_FILE').upper()}", str(tmp_path / file))
    current = lcm_login(watched())
    before, place = current.now, tmp_path / name
    place.rename(tmp_path / "kept")
    put(place)
    await current.look()
    await current.look()
    assert before is current.now
    [line] = told.events()
    assert f"{place}: {said}" in line["error"]
    (place.rmdir if place.is_dir() else place.unlink)()
    (tmp_path / "kept").rename(place)
    await current.look()

    assert before is not current.now


@pytest.mark.parametrize(("put", "said"), ODD)
def test_what_is_no_secret_is_a_fault(
    mount: Mount, put: Callable[[Path], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What bears the name of a setting and is no file is told, and no default takes its place."""
    secrets = mount("lcm", HTTPS, {})
    put(secrets.folder / TOKEN)
    with pytest.raises(BadSettings) as faults:
        load()
    assert f"{TOKEN} {said}" in str(faults.value) or "above 1048576 bytes" in str(faults.value)
    monkeypatch.delenv("BRIDGE_SECRETS_DIR")
    load()


def test_what_lies_beside_the_secrets_is_not_read(mount: Mount) -> None:
    """A keystore in the same Secret is nobody's text; a secret that is none is named."""
    secrets = mount("lcm", HTTPS, {TOKEN: "one"})
    (secrets.folder / "keystore.p12").write_bytes(b"\xff\xfe")
    assert "one" == load().settings.lcm.bearer_token.get_secret_value()
    (secrets.folder / "BRIDGE_LCM__HEADERS").write_bytes(b"\xff\xfe")

    with pytest.raises(BadSettings, match="BRIDGE_LCM__HEADERS is not UTF-8"):
        load()


async def test_an_emptied_secret_is_not_used(mount: Mount, told: Told) -> None:
    """A file that is being written is empty for a moment: no call goes out without the token."""
    secrets = mount("lcm", HTTPS, {TOKEN: "one"})
    current = lcm_login(watched())
    secrets.change({TOKEN: ""})
    await current.look()
    assert {"Authorization": "Bearer one"} == current.now.headers
    secrets.change({TOKEN: "two"})
    await current.look()

    assert {"Authorization": "Bearer two"} == current.now.headers
    assert "lcm.bearer_token: the file is empty" in told.events("credentials.not_reloaded")[0]["error"]


async def test_a_secret_that_is_gone_is_told(mount: Mount, told: Told) -> None:
    """What it held is used on, and nobody says that it was loaded anew."""
    secrets = mount("lcm", HTTPS, {TOKEN: "one"})
    current = lcm_login(watched())
    (secrets.folder / TOKEN).unlink()
    await current.look()
    await current.look()

    assert {"Authorization": "Bearer one"} == current.now.headers
    [line] = told.events()
    assert ("credentials.file_gone", [str(secrets.folder / TOKEN)]) == (line["event"], line["files"])


async def test_a_header_that_is_gone_is_not_sent(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of the file replace those that it held; those of the environment stay."""
    monkeypatch.setenv("BRIDGE_LCM__HEADERS__X_SITE", "a")
    secrets = mount("lcm", HTTPS, {"BRIDGE_LCM__HEADERS": '{"X-Old": "1"}'})
    current = lcm_login(watched())
    secrets.change({"BRIDGE_LCM__HEADERS": '{"X-New": "2"}'})
    await current.look()

    assert {"x_site": "a", "X-New": "2"} == current.now.headers


@pytest.mark.parametrize(
    ("group", "url", "other", "said"),
    [
        ("lcm", "https://a/svc", "https://b/svc", "lcm.base_url: a worker must be started anew"),
        ("redis", "redis://:one@a/0", "rediss://:two@a/0", "redis.url leads to another place"),
        ("redis", "redis://:one@a/0", "redis://:two@a/1", "redis.url leads to another place"),
        (
            "redis",
            "redis://a/0?client_name=x",
            "redis://a/0?client_name=y",
            "redis.url leads to another place",
        ),
        ("amqp", "amqp://u:p@a/one", "amqp://u:p@a/two", "amqp.url names another virtual host"),
    ],
)
async def test_what_needs_a_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Told, group: str, url: str, other: str, said: str
) -> None:
    """Another place is told, and not taken for half of the connections."""
    variable = "BRIDGE_LCM__BASE_URL" if group == "lcm" else f"BRIDGE_{group.upper()}__URL"
    secrets = Mounted(tmp_path / "secrets", {variable: url})
    monkeypatch.setenv("BRIDGE_SECRETS_DIR", str(secrets.folder))
    credentials, begun = watched(), load().settings
    by_group: dict[str, Current[Any]] = {
        "lcm": lcm_login(credentials),
        "redis": credentials.current(lambda now: login(now.redis, begun.redis)),
        "amqp": credentials.current(lambda now: nodes(now.amqp, begun.amqp)),
    }
    current = by_group[group]
    before = current.now
    secrets.change({variable: other})
    await credentials.look()

    assert before is current.now
    [line] = told.events()
    assert said in line["error"]
    assert credentials.behind


async def test_what_changes_between_the_settings_and_the_worker(mount: Mount, told: Told) -> None:
    """A password that changes while a worker starts is not missed."""
    secrets = mount("lcm", HTTPS, {TOKEN: "one"})
    settings = load().settings
    secrets.change({TOKEN: "two"})
    current = lcm_login(Credentials(settings, reread, files))
    await current.look()

    assert {"Authorization": "Bearer two"} == current.now.headers
    assert ["credentials.reloaded"] == [line["event"] for line in told.events()]


async def test_what_changes_while_it_is_read(mount: Mount, told: Told, certificates: Certificates) -> None:
    """A certificate is not told to fit no key because the key came a moment later."""
    first, second = (
        pem(certificates.pki.ca, certificates.client),
        pem(certificates.pki.ca, certificates.second_client),
    )
    secrets = mount("lcm", HTTPS, first)

    def interrupted(settings: Settings) -> Settings:
        if mixed:
            secrets.change(mixed.pop())
            raise ValueError("the key is not that of the certificate")
        return reread(settings)

    mixed: list[dict[str, str]] = []
    credentials = Credentials(load().settings, interrupted, files)
    current = lcm_login(credentials)
    before = current.now
    mixed.append(second)
    secrets.change(first)
    await current.look()

    assert before is not current.now
    assert ["credentials.reloaded"] == [line["event"] for line in told.events()]


async def test_files_that_are_named_anew(
    mount: Mount, monkeypatch: pytest.MonkeyPatch, told: Told, certificates: Certificates
) -> None:
    """Where a URL names other files, these are looked after from then on, and no old one is missed."""
    url = "BRIDGE_AMQP__URL"
    secrets = mount("lcm", HTTPS, {url: f"amqps://a/?cafile={certificates.pki.ca}"})
    monkeypatch.delenv("BRIDGE_LCM__BASE_URL")
    own = secrets.folder / "own.pem"
    own.write_text(certificates.pki.other.read_text())
    credentials = watched()
    current = credentials.current(lambda now: nodes(now.amqp))
    secrets.change({url: f"amqps://a/?cafile={own}"})
    await current.look()
    await current.look()
    before = current.now
    assert ["credentials.reloaded"] == [line["event"] for line in told.events()]
    own.write_text(certificates.pki.ca.read_text())
    await current.look()

    assert before is not current.now
    assert ["credentials.reloaded"] * 2 == [line["event"] for line in told.events()]


async def test_a_file_system_that_hangs_is_told(
    mount: Mount, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens a connection goes on with what there is, and one line says why it may be old."""
    secrets = mount("lcm", HTTPS, {TOKEN: "one"})
    release, hangs = threading.Event(), threading.Event()

    def hanging(settings: Settings) -> Settings:
        if hangs.is_set():
            release.wait(20)
        return reread(settings)

    credentials = Credentials(load().settings, hanging, files)
    current = lcm_login(credentials)
    monkeypatch.setattr("bridge.credentials.LONGEST", 0.01)
    hangs.set()
    secrets.change({TOKEN: "two"})
    await asyncio.gather(current.look(), current.look())
    [line] = told.events()
    assert "does their file system hang?" in line["error"]
    assert credentials.behind
    release.set()
    monkeypatch.setattr("bridge.credentials.LONGEST", 20.0)
    await current.look()

    assert {"Authorization": "Bearer two"} == current.now.headers
    assert not credentials.behind
