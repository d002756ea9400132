"""Extract the text of HTML, SVG and XMP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_\-]{80,}={0,2}")
"""Base64 of pictures and fonts."""


def without_encoded(text: str) -> str:
    """Return a text without pictures in base64, in which short names occur by chance."""
    return _ENCODED.sub(" ", text)


def markup_texts(text: str) -> Iterator[str]:
    """Yield the texts and the attributes' values of HTML, SVG or XMP."""
    parser = _Markup()
    parser.feed(text)
    parser.close()
    yield from map(without_encoded, parser.found)


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if value and not name.startswith("xmlns")]

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)
