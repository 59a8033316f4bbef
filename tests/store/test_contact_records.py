"""What is read as a record of the contact cache; it needs no Redis."""

from typing import Any

import orjson
import pytest

from bridge.store.contacts import readable

RECORD: dict[str, Any] = {"v": 1, "asked": 1, "expires": 9e12, "n": 0, "contact": {"AccountNumber": "1"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": 2},
        {"asked": "1"},
        {"expires": None},
        {"n": []},
        {"contact": None},
        {"contact": {"AccountNumber": 5}},
        {"contact": {"AccountNumber": ""}},
    ],
)
def test_what_this_version_does_not_write_is_no_record(wrong: dict[str, Any]) -> None:
    """Each member has its type, and a contact that could not be dropped is none."""
    assert RECORD == readable(orjson.dumps(RECORD))
    assert readable(orjson.dumps(RECORD | wrong)) is None


@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"":', "}")])
def test_a_contact_is_as_deep_as_can_be_written_again(opening: str, closing: str) -> None:
    """With 128 levels, of either kind, it is read; with one more, which a reply may not take, it is not."""
    for within, read in ((127, True), (128, False)):
        deep = f"{opening * within}0{closing * within}"
        record = orjson.dumps(RECORD).replace(b'"1"', b'"1","deep":' + deep.encode())

        assert read is (readable(record) is not None)


def test_a_contact_may_be_wide() -> None:
    """Only what lies within each other counts."""
    record = RECORD | {"contact": {"AccountNumber": "1", "wide": [{}] * 1000}}

    assert record == readable(orjson.dumps(record))
