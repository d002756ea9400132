"""Progress bars, which commands pass to the stages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Bar(Protocol):
    """A progress bar with the interface of tqdm."""

    def update(self, n: int) -> object:
        """Advance by ``n``."""

    def set_postfix_str(self, s: str) -> object:
        """Show ``s`` after the bar."""


class NoBar:
    """A progress bar that is not shown."""

    def update(self, n: int) -> None:
        """Advance by ``n``."""

    def set_postfix_str(self, s: str) -> None:
        """Ignore ``s``."""


Progress = Callable[[str, int, int], AbstractContextManager[Bar]]
"""Function of a name, the total and the count already done that returns a bar."""


WRITING = "writing"
"""Name of the bar that counts files; every other bar counts the ``unit`` of `bars`."""


def bars(command: str, *, unit: str = "frames") -> Progress:
    """Return a function that makes the tqdm bars of ``command``."""
    from tqdm import tqdm

    def bar(name: str, total: int, done: int) -> AbstractContextManager[Bar]:
        made: AbstractContextManager[Bar] = tqdm(
            desc=f"{command}: {name}",
            total=total,
            initial=done,
            unit=" files" if name == WRITING else f" {unit}",
            dynamic_ncols=True,
        )
        return made

    return bar


def bytes_bar(label: str, total: int, done: int) -> AbstractContextManager[Bar]:
    """Return a bar for the bytes of a transfer."""
    from tqdm import tqdm

    bar: AbstractContextManager[Bar] = tqdm(
        desc=label,
        total=total,
        initial=done,
        unit="B",
        unit_scale=True,
        dynamic_ncols=True,
    )
    return bar
