"""Progress bars: handed in to the stages, drawn by the commands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Bar(Protocol):
    """A progress bar, as tqdm's."""

    def update(self, n: int) -> object:
        """Go on by ``n``."""

    def set_postfix_str(self, s: str) -> object:
        """Show ``s`` behind the bar."""


class NoBar:
    """A bar that nobody sees."""

    def update(self, n: int) -> None:
        """Go on by ``n``."""

    def set_postfix_str(self, s: str) -> None:
        """Show ``s`` nowhere."""


Progress = Callable[[str, int, int], AbstractContextManager[Bar]]
"""Makes a bar of a name, a total and what is already done."""


WRITING = "writing"
"""Name of a bar that counts files; all others count what ``bars`` was told."""


def bars(command: str, *, unit: str = "frames") -> Progress:
    """Return a maker of one tqdm bar at a time, for ``command``."""
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


def bytes_bar(what: str, total: int, done: int) -> AbstractContextManager[Bar]:
    """Draw a bar of bytes on their way between this machine and an address."""
    from tqdm import tqdm

    bar: AbstractContextManager[Bar] = tqdm(
        desc=what,
        total=total,
        initial=done,
        unit="B",
        unit_scale=True,
        dynamic_ncols=True,
    )
    return bar
