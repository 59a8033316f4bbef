"""``python -m fuzz [--seconds 20] [TARGET...]``: look for inputs that break a target.

What breaks one is written to ``build/fuzz/TARGET``, where all that led further lies in ``found``.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from fuzz.targets import TARGETS

CORPUS: Final = Path(__file__).parent / "corpus"
MORE: Final = {"declaration": ("bridge/operations/builtin", "bridge/operations/siblings")}
"""Folders that hold good inputs anyway."""

OUT: Final = Path("build/fuzz")

_GRACE: Final = 120
"""Seconds that a run may take beyond its time: to start, and for its last input."""


def main() -> int:
    """Run the targets one after the other; return 1 if something broke one."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Throw bytes at whatever reads a stranger's.")
    parser.add_argument("targets", metavar="TARGET", nargs="*", help=f"any of {', '.join(TARGETS)}; else all")
    parser.add_argument("--seconds", type=int, default=20, help="for each target; 20 unless said otherwise")
    given = parser.parse_args()
    if unknown := [name for name in given.targets if name not in TARGETS]:
        parser.error(f"{unknown[0]} is no target; there are {', '.join(TARGETS)}")
    broken = [name for name in given.targets or TARGETS if not run(name, given.seconds)]
    return 1 if broken else 0


def run(name: str, seconds: int) -> bool:
    """Run one target, and say what came of it."""
    out = OUT / name
    found = out / "found"
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1"]
    command = [sys.executable, "-m", "fuzz.drive", name, *options, f"-artifact_prefix={out}/"]
    log = out / "log"
    with log.open("w") as told:
        ended = subprocess.run(  # noqa: S603 - our own program
            [*command, str(found), str(CORPUS / name), *MORE.get(name, ())],
            stdout=told,
            stderr=subprocess.STDOUT,
            timeout=seconds + _GRACE,
            check=False,
        )
    text = log.read_text(errors="replace")
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text) or [("0", "0", "0")]
    inputs = re.findall(r"number_of_executed_units: (\d+)", text) or re.findall(r"#(\d+)", text) or ["0"]
    points, features, kept = covered[-1]
    print(
        f"{name:12} {inputs[-1]:>9} inputs, {points:>5} points covered, {features} features, {kept} kept",
        flush=True,
    )
    if ended.returncode:
        print(f"{name} broke: see {log}\n{_fault(text)}", file=sys.stderr)
    return ended.returncode == 0


def _fault(text: str) -> str:
    """Return the part of a run's output that tells what broke it."""
    begin = text.find("=== Uncaught")
    return text[begin : begin + 4000] if begin >= 0 else text[-2000:]


if __name__ == "__main__":
    sys.exit(main())
