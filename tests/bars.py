"""Progress bars that print nothing and record their updates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SilentBar:
    """A bar that only counts."""

    def __init__(self) -> None:
        self.done = 0

    def update(self, n: int) -> None:
        self.done += n

    def set_postfix_str(self, s: str) -> None:
        pass


@contextmanager
def no_bar(_name: str, _total: int, _done: int) -> Iterator[SilentBar]:
    yield SilentBar()


class Bars:
    """Progress that records each bar: name, total, steps done before, the bar."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int, int, SilentBar]] = []

    @contextmanager
    def __call__(self, name: str, total: int, done: int) -> Iterator[SilentBar]:
        bar = SilentBar()
        self.made.append((name, total, done, bar))
        yield bar
