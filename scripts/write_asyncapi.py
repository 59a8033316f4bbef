#!/usr/bin/env python3
"""Write docs/asyncapi.json anew: the AsyncAPI document of a bridge with the default settings.

Run it with the project's Python after a change of operations, settings or version:
.venv/bin/python scripts/write_asyncapi.py
"""

from pathlib import Path

from bridge.asyncapi import document
from bridge.asyncapi.text import text
from bridge.operations.catalogue import Catalogue
from bridge.operations.model import Rules
from bridge.settings import Settings

FILE = Path(__file__).parent.parent / "docs" / "asyncapi.json"


def written() -> str:
    """Return the whole file."""
    return text(document(Catalogue(Rules()), Settings()))


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
