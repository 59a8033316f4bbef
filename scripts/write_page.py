#!/usr/bin/env python3
"""Write docs/index.html anew: the contract's page for docs/asyncapi.json.

Run it with the project's Python after a change of the page, or of docs/asyncapi.json:
.venv/bin/python scripts/write_page.py
"""

import json
from pathlib import Path

from bridge.page.page import render

DOCS = Path(__file__).parent.parent / "docs"
FILE = DOCS / "index.html"


def written() -> str:
    """Return the whole file."""
    return render(json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
