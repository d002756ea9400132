"""Counts in lines of text."""

from __future__ import annotations


def counted(number: int, singular: str, plural: str = "", *, width: int = 0) -> str:
    """Return a number with its noun, such as ``1 face`` or ``20 faces``.

    Args:
        number: the count.
        singular: the noun.
        plural: its plural; empty to add an s.
        width: least number of characters of the number, for columns.
    """
    return f"{number:{width}d} {singular if number == 1 else plural or f'{singular}s'}"
