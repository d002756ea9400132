"""Progress bars on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from clustering.stage import Bar


def bars(command: str) -> Callable[[str, int, int], AbstractContextManager[Bar]]:
    """Return a maker of one tqdm bar at a time, for ``command``."""
    from tqdm import tqdm

    def bar(name: str, total: int, done: int) -> AbstractContextManager[Bar]:
        unit = " frames" if name != "writing" else " files"
        made: AbstractContextManager[Bar] = tqdm(
            desc=f"{command}: {name}", total=total, initial=done, unit=unit, dynamic_ncols=True
        )
        return made

    return bar
