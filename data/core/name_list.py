"""Lists of file names in one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SHOWN: Final = 5


def first_names(names: Sequence[str]) -> str:
    """Return the first names and the number of the others: ``a, b, c, d, e and 2 more``."""
    shown = ", ".join(_on_one_line(name) for name in names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _on_one_line(name: str) -> str:
    """Escape line breaks, other control characters, and bytes that are not Unicode."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
