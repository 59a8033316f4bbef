"""Users of RabbitMQ with exactly the permissions that docs/security.md gives them."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from yarl import URL

from bridge.demo.installed import rabbit_program
from bridge.demo.servers import PrivateRabbit

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
_ROW: Final = re.compile(r"^\| `([a-z-]+)`: [^|]*" + r"\| `((?:[^`|]|\\\|)*)` " * 3 + r"\|$", re.MULTILINE)
_ANY_PREFIX: Final = "[a-z.-]+"
"""In place of ``lcm``: the sites of tests share a broker, each with a prefix of its own."""


class Permitted(NamedTuple):
    """What a user may configure, write and read: regular expressions."""

    configure: str
    write: str
    read: str


def documented() -> dict[str, Permitted]:
    """Return the permissions of each user of the page, for any prefix."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {
        user: Permitted(*(one.replace("\\|", "|").replace("lcm", _ANY_PREFIX) for one in patterns))
        for user, *patterns in rows
    }


ALL: Final = Permitted(".*", ".*", ".*")
TESTER: Final = "tester"
"""May do everything, and sign as anybody: the widget services of tests write what the bridge would."""

USERS: Final = documented() | {TESTER: ALL, "guest": ALL}
TAGS: Final = {TESTER: "impersonator", "guest": "administrator"}


@asynccontextmanager
async def rabbit_with_users(
    users: Path, *, conf: Iterable[str] = (), **options: Any
) -> AsyncIterator[PrivateRabbit]:
    """Run a RabbitMQ that knows them, by a file in ``users``; the rest are options of `PrivateRabbit`."""
    async with PrivateRabbit(conf=[*_conf(users), *conf], **options) as server:
        if rabbit_program() is None:
            await make_users(server.ctl)
        yield server


def url_of(rabbit: PrivateRabbit, user: str) -> str:
    """Return the broker's URL for one of the users; the password is the name."""
    return str(URL(rabbit.url).with_user(user).with_password(user))


def url_for_sites(rabbit: PrivateRabbit) -> str:
    """Return the URL by which a site of the tests knows the broker; its bridge goes by `bridge_beside`."""
    return url_of(rabbit, TESTER)


def bridge_beside(url: str) -> str:
    """Return the URL of the bridge at a site whose widget services have ``url``: not theirs beside a tester.

    A broker without the page's users knows guest alone.
    """
    return str(URL(url).with_user("bridge").with_password("bridge")) if URL(url).user == TESTER else url


def _conf(folder: Path) -> list[str]:
    """Return the lines for rabbitmq.conf by which a node makes the users, none for one in a container."""
    if rabbit_program() is None:
        return []
    folder.mkdir(exist_ok=True)
    file = folder / "definitions.json"
    file.write_text(json.dumps(_definitions()))
    return [f"load_definitions = {file}"]


async def make_users(ctl: Callable[..., Awaitable[str]]) -> None:
    """Make the users on a node that runs; ``ctl`` is its `rabbitmqctl`."""
    await ctl("eval", ", ".join(_erlang(user) for user in USERS if user != "guest") + ".")


def _definitions() -> dict[str, object]:
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {
                "name": user,
                "password_hash": _hashed(user),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": TAGS.get(user, ""),
            }
            for user in USERS
        ],
        "permissions": [
            {"user": user, "vhost": "/", **permitted._asdict()} for user, permitted in USERS.items()
        ],
    }


def _hashed(password: str) -> str:
    """Return what RabbitMQ stores: a salt, and the digest of it and the password."""
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _erlang(user: str) -> str:
    name = f'<<"{user}">>'
    three = ", ".join('<<"' + one.replace("\\", "\\\\") + '">>' for one in USERS[user])
    return (
        f'rabbit_auth_backend_internal:add_user({name}, {name}, <<"test">>), '
        f'rabbit_auth_backend_internal:set_tags({name}, [{TAGS.get(user, "")}], <<"test">>), '
        f'rabbit_auth_backend_internal:set_permissions({name}, <<"/">>, {three}, <<"test">>)'
    )
