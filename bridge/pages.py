"""What the admin server shows of the contract, by path."""

from collections.abc import Mapping

from bridge.admin import Page
from bridge.asyncapi import document
from bridge.asyncapi.text import text
from bridge.operations.catalogue import Catalogue
from bridge.settings import Settings


def pages(catalogue: Catalogue, settings: Settings) -> Mapping[str, Page]:
    """Return every page; none is made yet."""
    return {"/asyncapi.json": Page("application/json", lambda: text(document(catalogue, settings)))}
