"""What the admin server shows of the contract, by path."""

from collections.abc import Mapping

from bridge.admin import Page
from bridge.operations.catalogue import Catalogue
from bridge.settings import Settings


def pages(catalogue: Catalogue, settings: Settings) -> Mapping[str, Page]:
    """Return every page; none is made yet."""

    def asyncapi() -> str:
        # Imported when it is asked for: the start does not wait for it.
        from bridge.asyncapi import document  # noqa: PLC0415 - see above
        from bridge.asyncapi.text import text  # noqa: PLC0415 - see above

        return text(document(catalogue, settings))

    return {"/asyncapi.json": Page("application/json", asyncapi)}
