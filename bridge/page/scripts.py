"""The page's style and script, as they stand in it, and the policy that allows these and nothing else."""

import base64
import hashlib
from importlib.resources import files
from typing import Final

_CHECKER: Final = ("json.js", "xml.js", "envelope.js", "address.js", "fields.js", "checker.js")


def asset(name: str) -> str:
    """Return a file of the page."""
    return files("bridge.page").joinpath("assets", name).read_text(encoding="utf-8")


def _wrapped(names: tuple[str, ...]) -> str:
    return "".join(["(() => {\n", '"use strict";\n', *map(asset, names), "})();\n"])


def checker() -> str:
    """Return the envelope checker by itself: it defines ``checkEnvelope(text, properties, rules)``."""
    return "".join(map(asset, _CHECKER))


def _hash(text: str) -> str:
    """Return a source expression for an inline element, see https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


STYLE: Final = asset("page.css")
SCRIPT: Final = _wrapped((*_CHECKER, "page.js"))

POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        f"script-src {_hash(SCRIPT)}",
        f"style-src {_hash(STYLE)}",
        "img-src data:",  # the empty icon, for which a browser would ask otherwise
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
"""The Content-Security-Policy, for a header and the page's own meta element."""
