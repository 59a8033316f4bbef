"""What clears up when the program that started servers can no longer do it itself."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

# It reads which process groups are alive from its standard input. That ends when its parent does, in
# whatever way the parent ends, SIGKILL included: then it kills what is still on the list. Groups that
# ended in an orderly way were taken off before, so a number that the system has given to somebody else
# in the meantime is never hit.
_SCRIPT = """
trap '' INT TERM HUP
without() { case "$1" in *" $2 "*) printf '%s' "${1%% "$2" *} ${1#* "$2" }" ;; *) printf '%s' "$1" ;; esac; }
groups=' '
containers=' '
while read -r change kind name; do
  case "$change $kind" in
    'add group') groups="$groups$name " ;;
    'drop group') groups="$(without "$groups" "$name")" ;;
    'add container') containers="$containers$name " ;;
    'drop container') containers="$(without "$containers" "$name")" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
for container in $containers; do "$2" rm -fv "$container"; done
if [ -n "$1" ]; then rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }; fi
"""


class Guard:
    """A small shell process that outlives its parent for as long as it takes to clear up.

    It kills the process groups and removes the containers and the folder it was told of, as soon as
    the process that made it has ended. `close` ends it in an orderly way.
    """

    def __init__(self, *, folder: Path | None = None, engine: str = "") -> None:
        self._process = subprocess.Popen(  # noqa: S603  (a constant script)
            ["/bin/sh", "-c", _SCRIPT, "guard", str(folder or ""), engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,  # out of reach of a terminal's Ctrl-C
            text=True,
        )

    def __enter__(self) -> Self:
        """Return the guard itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def watch_group(self, group: int) -> None:
        """Kill the process group `group` if this process ends before `release_group`."""
        self._tell(f"add group {group}")

    def release_group(self, group: int) -> None:
        """Forget the process group `group`: it has ended."""
        self._tell(f"drop group {group}")

    def watch_container(self, name: str) -> None:
        """Remove the container `name` if this process ends before `release_container`."""
        self._tell(f"add container {name}")

    def release_container(self, name: str) -> None:
        """Forget the container `name`: it was removed."""
        self._tell(f"drop container {name}")

    def close(self) -> None:
        """Let it clear up what it still knows of, its folder in any case, and end."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
