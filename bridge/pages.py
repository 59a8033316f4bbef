"""What the admin server shows of the contract, by path."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from bridge.admin import Page
from bridge.jsontypes import JsonObject
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

    # Imported when they are asked for: the start does not wait for it.
    @cache
    def contract() -> JsonObject:
        from bridge.asyncapi import document  # noqa: PLC0415 - see above

        return document(catalogue, settings)

    def asyncapi() -> str:
        from bridge.asyncapi.text import text  # noqa: PLC0415 - see above

        return text(contract())

    def docs() -> str:
        from bridge.page.page import render  # noqa: PLC0415 - see above

        return render(contract())

    return {
        "/asyncapi.json": Page("application/json", asyncapi),
        "/docs": Page("text/html", docs, _HEADERS),
    }
