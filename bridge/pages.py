"""What the admin server shows of the contract, by path."""

from collections.abc import Mapping
from typing import Final

from bridge.admin import Page
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
    def asyncapi() -> str:
        from bridge.asyncapi import document  # noqa: PLC0415 - see above
        from bridge.asyncapi.text import text  # noqa: PLC0415 - see above

        return text(document(catalogue, settings))

    def docs() -> str:
        from bridge.asyncapi import document  # noqa: PLC0415 - see above
        from bridge.page.page import render  # noqa: PLC0415 - see above

        return render(document(catalogue, settings))

    return {
        "/asyncapi.json": Page("application/json", asyncapi),
        "/docs": Page("text/html", docs, _HEADERS),
    }
