"""Progress bars that keep their updates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RecordingBar:
    """A bar that counts its updates."""

    def __init__(self) -> None:
        self.done = 0

    def update(self, n: int) -> None:
        self.done += n

    def set_postfix_str(self, s: str) -> None:
        pass


class Bars:
    """Makes bars, and keeps each with its name, total and number done before."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int, int, RecordingBar]] = []

    @contextmanager
    def __call__(self, name: str, total: int, done: int) -> Iterator[RecordingBar]:
        bar = RecordingBar()
        self.made.append((name, total, done, bar))
        yield bar
