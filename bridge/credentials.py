"""The files behind the settings, used anew when they change: certificates, passwords, tokens.

Whoever opens connections keeps a `Current` of what it needs for that. A change concerns the next connection
or call; what is open stays open. Files are looked at every `INTERVAL` seconds, and where a connection is
opened or a log-in was refused. A change that cannot be used leaves everything as it is, and is tried again.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog

from bridge.settings import Settings

log = structlog.get_logger(__name__)

INTERVAL: Final = 2.0
"""Seconds between looks. A look is one call of the file system per file."""

APART: Final = 0.2
"""Seconds between looks that are asked for: thousands of calls may be refused at once."""

LONGEST: Final = 5.0
"""Seconds that a look is waited for: a file system may hang."""

_TRIES: Final = 3
"""Readings in one look, where the files change during each."""

Made = TypeVar("Made")

Reread = Callable[[Settings], Settings]
"""Returns the settings with what their files hold now. Raises ValueError, OSError."""

Files = Callable[[Settings], Iterable[Path]]
"""Returns the files and folders behind the settings."""

_Signs = dict[Path, tuple[int, ...]]


class _Found(NamedTuple):
    """The settings with what the files hold now, what is made of them, and the files that changed or went."""

    settings: Settings
    made: list[Any]
    changed: list[str]
    gone: list[str]


class Current(Generic[Made]):
    """What the next connection to a server is opened with: ``now``."""

    def __init__(self, now: Made, credentials: "Credentials | None" = None) -> None:
        self.now = now
        self._credentials = credentials
        self._changed = asyncio.Event()

    async def look(self) -> None:
        """See to it that ``now`` is what the files hold; it stays as it is if they cannot be used."""
        if self._credentials is not None:
            await self._credentials.look()

    def change(self, now: Made) -> None:
        """Use ``now`` from now on."""
        self.now = now
        self._changed.set()
        self._changed = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until ``now`` changes."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    def look_soon(self) -> None:
        """Have the files looked at, without waiting for it."""
        if self._credentials is not None:
            self._credentials.look_soon()


class Credentials:
    """Looks after the files behind all settings. Let `watch` run as long as connections are opened."""

    def __init__(self, settings: Settings, reread: Reread, files: Files) -> None:
        self._settings = settings
        self._reread = reread
        self._files = files
        self._made: list[tuple[Current[Any], Callable[[Settings], Any]]] = []
        self._seen = self._signs(settings)
        self._told = ""
        # The passwords were read a while before: what has changed since is a change for the first look.
        try:
            if reread(settings) != settings:
                self._seen = {}
        except (ValueError, OSError):
            self._seen = {}
        self._looking: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()

    def current(self, make: Callable[[Settings], Made]) -> Current[Made]:
        """Return what ``make`` makes of the settings, now and after each change; it runs in a thread then.

        ``make`` may refuse what it is given by ValueError or OSError, which here, at the first time, is
        passed on.
        """
        current = Current(make(self._settings), self)
        self._made.append((current, make))
        return current

    async def watch(self) -> None:
        """Look at the files for as long as the process runs; ends only by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(APART)
            try:
                async with asyncio.timeout(INTERVAL - APART):
                    await self._asked.wait()
            except TimeoutError:
                continue
            finally:
                self._asked.clear()

    def look_soon(self) -> None:
        """Have `watch` look before its time."""
        self._asked.set()

    async def look(self) -> None:
        """Look whether a file has changed, and use it if so. Those who ask meanwhile share one look."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="credentials")
        done, _ = await asyncio.wait([self._looking], timeout=LONGEST)
        if not done:
            self._tell(f"the files could not be read within {LONGEST:.0f} s: does their file system hang?")
        for task in done:
            task.result()  # a fault of ours is not kept secret

    async def close(self) -> None:
        """Wait for a look that is under way."""
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=LONGEST)

    @property
    def behind(self) -> bool:
        """Whether the files hold something that cannot be used, so that what was there before is used on."""
        return bool(self._told)

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(self._read)
        except (ValueError, OSError) as error:
            self._tell(str(error))
            return
        self._told = ""
        if found is None:
            return
        self._settings = found.settings
        for (current, _), now in zip(self._made, found.made, strict=True):
            current.change(now)
        if found.changed:
            log.info("credentials.reloaded", files=found.changed, next="used for new connections and calls")
        if found.gone:
            log.warning(
                "credentials.file_gone", files=found.gone, next="what it held is used on until a new start"
            )

    def _tell(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            log.error(
                "credentials.not_reloaded",
                error=problem,
                next="what was there before is used on; tried again until it succeeds",
            )

    def _read(self) -> _Found | None:
        """Return what the files hold; None if none of them changed, or they do not stand still."""
        before = self._signs(self._settings)
        if before == self._seen:
            return None
        gone = self._seen.keys() - before.keys()
        named = self._settings
        for _ in range(_TRIES):
            signs = self._signs(named)
            try:
                settings = self._reread(self._settings)
                made = [make(settings) for _, make in self._made]
            except (ValueError, OSError):
                if self._signs(named) == signs:
                    raise
            else:
                # Else a certificate may be new and its key an old one, or other files are named now.
                if self._signs(settings) == signs:
                    changed = [str(file) for file, sign in signs.items() if self._seen.get(file) != sign]
                    self._seen = signs
                    return _Found(settings, made, sorted(changed), sorted(map(str, gone)))
                named = settings
        return None

    def _signs(self, settings: Settings) -> _Signs:
        """Return what tells that a file was written or replaced, also by another link to its folder."""
        return {file: _sign(file) for file in self._files(settings)}


def _sign(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
