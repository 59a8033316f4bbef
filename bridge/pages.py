"""What the admin server shows of the contract, by path."""

from collections.abc import Mapping
from typing import Final

from bridge.admin import Page
from bridge.asyncapi import document
from bridge.asyncapi.text import text
from bridge.operations.catalogue import Catalogue
from bridge.page.scripts import POLICY
from bridge.settings import Settings

_HEADERS: Final = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def pages(catalogue: Catalogue, settings: Settings) -> Mapping[str, Page]:
    """Return every page; none is made yet."""
    return {
        "/asyncapi.json": Page("application/json", lambda: text(document(catalogue, settings))),
        "/docs": Page("text/html", lambda: _docs(catalogue, settings), _HEADERS),
    }


def _docs(catalogue: Catalogue, settings: Settings) -> str:
    from bridge.page.page import render  # noqa: PLC0415 - a start need not load what few workers are asked for

    return render(document(catalogue, settings))
