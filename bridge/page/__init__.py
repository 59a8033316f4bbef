"""The contract as a page: one HTML file, made from the AsyncAPI document alone. Pure.

``render`` writes it, ``POLICY`` is the Content-Security-Policy under which it works.
"""

from bridge.page.page import render
from bridge.page.scripts import POLICY

__all__ = ["POLICY", "render"]
