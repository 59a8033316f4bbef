"""Who may use an operation."""

import pytest

from bridge.failures import NotPermitted
from bridge.permission import Permission

SITE = Permission(
    {"createcontact": ["loader", "desk"], "SetDNC": [], "GetThing": ["loader"]},
    {"CreateContact": ["nightly-import"]},
)


@pytest.mark.parametrize("user", [None, "", "loader", "anyone"])
def test_what_is_not_listed_is_open_to_all(user: str | None) -> None:
    """Also to who does not say who he is."""
    SITE.check("ManualDialCall", user=user, source=None)


@pytest.mark.parametrize("user", ["loader", "desk"])
def test_a_listed_user_is_let_through(user: str) -> None:
    """In whatever case the operation is listed."""
    Permission({"createCONTACT": ["loader", "desk"]}).check("CreateContact", user=user, source="x")


@pytest.mark.parametrize("user", ["Loader", "loader ", "load", "loader,desk", "*", "guest"])
@pytest.mark.parametrize("operation", ["CreateContact", "SetDNC", "GetThing"])
def test_another_user_is_not(operation: str, user: str) -> None:
    """Names are compared as they stand; an empty list lets nobody through. Nor does a source help."""
    with pytest.raises(NotPermitted, match=f"this user may not use {operation}"):
        SITE.check(operation, user=user, source="nightly-import")


@pytest.mark.parametrize("user", [None, ""])
def test_nobody_is_let_through_without_a_user(user: str | None) -> None:
    """And is told what to set, whatever source he writes."""
    with pytest.raises(NotPermitted, match="publish with the broker-validated property user_id"):
        SITE.check("CreateContact", user=user, source="nightly-import")


def test_a_source_narrows_what_a_user_may() -> None:
    """Only of the operation that it is set for."""
    SITE.check("CreateContact", user="loader", source="nightly-import")
    SITE.check("GetThing", user="loader", source="somewhere")

    for source in (None, "", "Nightly-Import", "nightly-import "):
        with pytest.raises(NotPermitted, match="CreateContact is not taken from this source"):
            SITE.check("CreateContact", user="loader", source=source)
