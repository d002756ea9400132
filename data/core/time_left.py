"""Time left of a work, reckoned from the work that was done; pauses do not count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Clock = Callable[[], float]
"""Function that returns seconds."""
_SAME_PIECE_S: Final = 0.1
"""Work that is counted within this time of the first of a piece belongs to the piece."""


class WorkClock:
    """Clock that stands still in a pause, as while a person is asked."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._waited_s = 0.0

    def __call__(self) -> float:
        """Return seconds, without those of the pauses."""
        return self._clock() - self._waited_s

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock within the block."""
        began_s = self._clock()
        try:
            yield
        finally:
            self._waited_s += self._clock() - began_s


class TimeLeft:
    """Estimate of the time that a work still takes.

    Work is often counted in pieces, such as the frames of a batch. The speed is the mean from the
    first piece to the last one: the time before the first goes into loading networks, too, which is
    not repeated. While the next piece takes no longer than the mean, the estimate counts down; then
    the piece is taken to end now. Work of earlier runs says nothing about the speed.

    Args:
        total: all work, in any unit such as frames.
        done: work that an earlier run did.
        clock: returns seconds.
    """

    def __init__(self, total: float, done: float = 0.0, *, clock: Clock = time.monotonic) -> None:
        self._total, self._skipped, self._worked = total, done, 0.0
        self._clock = clock
        self._first_s = self._last_s = 0.0  # ends of the first and the last piece
        self._first = 0.0  # work of the first piece
        self._pieces, self._piece_s = 0, 0.0  # number, and time at which the last was first counted

    def skip(self, amount: float) -> None:
        """Count work that an earlier run did."""
        self._skipped += amount

    def advance(self, amount: float) -> None:
        """Count work that was done just now."""
        if amount <= 0:
            return
        self._worked += amount
        now_s = self._clock()
        if self._pieces == 0 or now_s - self._piece_s >= _SAME_PIECE_S:
            self._pieces += 1
            self._piece_s = now_s
        self._last_s = now_s
        if self._pieces == 1:
            self._first_s, self._first = self._last_s, self._worked

    @property
    def left(self) -> float:
        """Work that is left."""
        return max(self._total - self._skipped - self._worked, 0.0)

    @property
    def of_this_run(self) -> float:
        """Work that earlier runs did not do."""
        return max(self._total - self._skipped, 0.0)

    def seconds(self) -> float | None:
        """Return the time left; None before the second piece, as the speed is not known."""
        if self.left == 0.0:
            return 0.0
        if self._pieces < 2:
            return None
        now_s, measured = self._clock(), self._worked - self._first
        next_piece = min(measured / (self._pieces - 1), self.left)
        each_s = (self._last_s - self._first_s) / measured
        waited_s = now_s - self._last_s
        if waited_s <= next_piece * each_s:
            return self.left * each_s - waited_s
        each_s = (now_s - self._first_s) / (measured + next_piece)
        return (self.left - next_piece) * each_s


def duration(seconds: float) -> str:
    """Format a duration, such as ``2 min 5 s``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds_left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds_left} s"


def duration_text(seconds: float | None) -> str:
    """Format a duration as on a clock, such as 02:05 or 1:00:00; ``?`` if it is not known."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
