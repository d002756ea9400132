"""Progress bars, which commands pass to the stages."""

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
    """A progress bar that is not shown."""

    def update(self, n: int) -> None:
        """Go on by ``n``."""

    def set_postfix_str(self, s: str) -> None:
        """Ignore ``s``."""


Progress = Callable[[str, int, int], AbstractContextManager[Bar]]
"""Returns a bar for a name, a total, and the count that is already done."""


WRITING = "writing"
"""Name of a bar that counts files; all others count the ``unit`` of `bars`."""


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
    """Return a bar for bytes transferred between this machine and an address."""
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
