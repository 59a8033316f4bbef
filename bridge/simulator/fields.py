"""Reads a JSON object member by member, so that a misspelt member of a control request is refused."""

from collections.abc import Mapping
from typing import TypeVar, cast

T = TypeVar("T")


class FieldsError(ValueError):
    """A control request whose members are not what they must be."""


class Fields:
    """The members of one JSON object, each of which is taken once.

    Raises FieldsError when `value` is not a JSON object.
    """

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise FieldsError(f"{what} must be a JSON object")
        self._left: dict[str, object] = dict(value)
        self._what = what

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def raw(self, name: str, default: object = None) -> object:
        """Take a member as it stands."""
        return self._left.pop(name, default)

    def text(self, name: str, default: str = "") -> str:
        """Take a string; FieldsError when it is something else."""
        return self._typed(name, str, default)

    def optional_text(self, name: str) -> str | None:
        """Take a string or null; FieldsError when it is something else."""
        return None if self._left.get(name) is None and self._drop(name) else self._typed(name, str, "")

    def truth(self, name: str, *, default: bool) -> bool:
        """Take a boolean; FieldsError when it is something else."""
        return self._typed(name, bool, default)

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 10_000_000) -> int:
        """Take an integer within `least`..`most`; FieldsError when it is something else."""
        return int(self.number(name, default, least=least, most=most, whole=True))

    def number(
        self, name: str, default: float, *, least: float = 0, most: float = 1e9, whole: bool = False
    ) -> float:
        """Take a number within `least`..`most`; FieldsError when it is something else."""
        value = self._left.pop(name, default)
        fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not fits or not least <= cast("float", value) <= most:
            kind = "an integer" if whole else "a number"
            raise FieldsError(f"{self._what}: {name} must be {kind} from {least} to {most}, not {value!r}")
        return cast("float", value)

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """Take one of `choices`; FieldsError when it is something else."""
        value = self._left.pop(name, default)
        if value not in choices:
            raise FieldsError(f"{self._what}: {name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    def texts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Take an array of strings; FieldsError when it is something else."""
        value = self._left.pop(name, list(default))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise FieldsError(f"{self._what}: {name} must be an array of strings, not {value!r}")
        return tuple(cast("list[str]", value))

    def members(self, name: str) -> Mapping[str, object]:
        """Take a JSON object; FieldsError when it is something else."""
        return self._typed(name, dict, {})

    def finish(self) -> None:
        """Raise FieldsError when members are left that nobody took."""
        if self._left:
            raise FieldsError(f"{self._what}: unknown members: {', '.join(sorted(self._left))}")

    def _drop(self, name: str) -> bool:
        self._left.pop(name, None)
        return True

    def _typed(self, name: str, kind: type[T], default: T) -> T:
        value = self._left.pop(name, default)
        if not isinstance(value, kind):
            raise FieldsError(f"{self._what}: {name} must be a {kind.__name__}, not {value!r}")
        return value
