"""`python -m monitoring write` writes the dashboard's JSON; `record` and `draw` make a picture of it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from monitoring.document import Shown
from monitoring.paths import DASHBOARD, PICTURE, RECORD


def main(given: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code of `record` is 1 when it fails or a panel has no data."""
    parser = argparse.ArgumentParser(prog="python -m monitoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("write", help="write the dashboard's JSON")
    recording = commands.add_parser("record", help="run a site, break it, and keep what the dashboard showed")
    drawing = commands.add_parser("draw", help="draw the dashboard as it was recorded")
    for one in (recording, drawing):
        one.add_argument("--data", type=Path, default=RECORD, help="JSON file of what was shown")
    drawing.add_argument("--output", type=Path, default=PICTURE, help="PNG file; docs/dashboard.png")
    arguments = parser.parse_args(given)
    # What the one needs is not installed where the other runs: matplotlib is in .venv-bench alone.
    if arguments.command == "write":
        from monitoring import dashboard  # noqa: PLC0415

        DASHBOARD.parent.mkdir(parents=True, exist_ok=True)
        DASHBOARD.write_text(dashboard.text(), encoding="utf-8")
        sys.stdout.write(f"written: {DASHBOARD}\n")
        return 0
    if arguments.command == "record":
        from monitoring.story import record  # noqa: PLC0415

        return record.run(arguments.data)
    from monitoring.drawing import picture  # noqa: PLC0415

    picture.draw(Shown.read(arguments.data), arguments.output)
    sys.stdout.write(f"written: {arguments.output}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
