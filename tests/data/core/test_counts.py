from __future__ import annotations

import pytest

from data.core.counts import counted


@pytest.mark.parametrize(
    ("number", "words", "width", "text"),
    [
        (0, ("face",), 0, "0 faces"),
        (1, ("face",), 0, "1 face"),
        (2, ("face",), 0, "2 faces"),
        (1, ("person", "people"), 0, "1 person"),
        (20, ("person", "people"), 0, "20 people"),
        (1, ("face",), 4, "   1 face"),
        (12345, ("face",), 4, "12345 faces"),
    ],
)
def test_a_count_and_its_noun(number: int, words: tuple[str, ...], width: int, text: str) -> None:
    assert counted(number, *words, width=width) == text
