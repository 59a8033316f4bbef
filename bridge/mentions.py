"""Whether a text or a JSON value mentions a phone number, an LCM key or an agent's id. Pure."""

import json
import re

from bridge.jsontypes import JsonValue

SHORTEST = 4
"""Characters of what is looked for: fewer would be found everywhere."""


class Mention:
    """One text that is looked for, in whatever case, but not within a longer word or number."""

    def __init__(self, wanted: str) -> None:
        """Look for a text. Raises ValueError for one of fewer than `SHORTEST` characters."""
        self.wanted = wanted.strip()
        if len(self.wanted) < SHORTEST:
            raise ValueError(f"{wanted!a} is too short to look for: at least {SHORTEST} characters")
        self._pattern = re.compile(rf"(?<!\w){re.escape(self.wanted)}(?!\w)", re.IGNORECASE)

    def in_text(self, text: str) -> bool:
        """Tell whether a text mentions it."""
        return self._pattern.search(text) is not None

    def in_json(self, value: JsonValue) -> bool:
        """Tell whether a string, number or member's name within mentions it."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                if any(map(self.in_text, one)):
                    return True
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
            elif self.in_text(str(one)):
                return True
        return False

    def in_bytes(self, body: bytes) -> bool:
        """Tell the same of JSON, whose escapes are read, or of any text."""
        text = body.decode(errors="replace")
        try:
            return self.in_text(text) or self.in_json(json.loads(text))
        except (ValueError, RecursionError):
            return False
