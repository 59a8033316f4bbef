"""What a browser makes of a page, as far as these tests ask: elements, attributes, texts."""

from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "wbr"})
CELLS = frozenset({"td", "th", "li", "p"})
"""What begins apart from what stands before it."""


class Element:
    """One element, with the text that stands in it and in its children."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""


class Reader(HTMLParser):
    """Reads a page. Raises AssertionError for an element that is closed by another one's tag."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert [] == [one.tag for one in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        if tag in CELLS:
            self.handle_data(" ")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the last one."""
        assert tag == self._open.pop().tag

    def handle_data(self, data: str) -> None:
        """Give the text to all that it stands in."""
        for one in self._open:
            one.text += data

    def all(self, *tags: str) -> list[Element]:
        """Return the elements of some kinds."""
        return [one for one in self.elements if one.tag in tags]

    def values(self, name: str) -> list[str]:
        """Return every value of an attribute."""
        return [one.attributes[name] for one in self.elements if name in one.attributes]
