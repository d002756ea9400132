"""A progress bar that shows nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class SilentBar:
    """Counts."""

    def __init__(self) -> None:
        self.steps = 0

    def update(self, n: int) -> None:
        self.steps += n

    def set_postfix_str(self, s: str) -> None:
        """Show nothing."""


def silent(_name: str, _total: int, _done: int) -> AbstractContextManager[SilentBar]:
    return nullcontext(SilentBar())
