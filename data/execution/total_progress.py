"""Progress of a run of many stages on one line: current stage, share done, time left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from data.core.progress import (
    NARROW,
    WRITING,
    Bar,
    Progress,
    bar_format,
    progress_form,
    shortened,
    write_event,
)

_NAMED: Final = 50  # characters of a label with the name of the bar
_REST: Final = 25  # characters of the command, the percentage and the time left
_EVERY_S: Final = 0.5  # minimum time between two JSON objects of one step


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One stage of a run.

    Args:
        name: name of the command.
        expected_s: estimated duration in seconds; used only as a weight.
        bars: number of bars that it shows in sequence, without those of `WRITING`.
    """

    name: str
    expected_s: float
    bars: int = 1

    def __post_init__(self) -> None:
        if self.expected_s <= 0 or self.bars < 1:
            raise ValueError(f"expected_s must be positive and bars at least 1, got {self}")


class Line(Protocol):
    """Interface of the tqdm bar that draws the line."""

    n: float
    initial: float
    start_t: float
    disable: bool | None

    def clear(self) -> object:
        """Remove it from the terminal."""

    def refresh(self) -> object:
        """Draw it."""

    def set_description_str(self, desc: str, refresh: bool = True) -> object:
        """Show the name of the step."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> object:
        """Show a text after the line."""

    def write(self, s: str) -> object:
        """Print a text above the line."""


class TotalProgress:
    """Progress of a run of several stages, on one line.

    The expected durations only weight the steps: the time left is extrapolated from the time taken.
    """

    def __init__(self, steps: Sequence[ProgressStep], line: Line, columns: int = 1000) -> None:
        self._steps, self._line, self._columns = list(steps), line, columns

    def say(self, text: str) -> None:
        """Print a text above the line."""
        self._line.write(text)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the line within the block, whose duration does not count for the time left."""
        self._line.clear()
        began_s, hidden = time.monotonic(), self._line.disable
        self._line.disable = True
        try:
            yield
        finally:
            self._line.disable = hidden
            self._line.start_t += time.monotonic() - began_s
            self._line.refresh()

    @contextmanager
    def step(self, number: int) -> Iterator[Progress]:
        """Yield the progress of step ``number``, from 0; mark the step as done after the block."""
        step = self._steps[number]
        start = sum(before.expected_s for before in self._steps[:number])
        label = f"{number + 1}/{len(self._steps)} {step.name}"
        shown = _RunningStep(self._line, start, step, label, _label_length(self._columns))
        self._line.set_description_str(shown.label)
        self._line.set_postfix_str("")  # of the step before
        yield shown.bar
        if shown.untouched:  # done by an earlier run, so it says nothing about the speed
            self._line.initial += start + step.expected_s - self._line.n
        shown.move_to(1.0)


class _RunningStep:
    def __init__(
        self, line: Line, start: float, step: ProgressStep, label: str, length: int
    ) -> None:
        self.label, self._length = label, length
        self.untouched = True
        self._line, self._start, self._step = line, start, step
        self._bars = 0

    def move_to(self, share: float) -> None:
        """Set the share of the step that is done, 0..1; the line never moves backwards."""
        self._line.n = max(self._line.n, self._start + min(share, 1.0) * self._step.expected_s)
        self._line.refresh()

    @contextmanager
    def bar(self, name: str, total: int, done: int) -> Iterator[Bar]:
        """Yield a bar of the step, drawn as a part of the line."""
        # On a narrow terminal, the bar is worth more than the name.
        text = f"{self.label}: {name}" if self._length >= _NAMED else self.label
        self._line.set_description_str(shortened(text, self._length))
        if name == WRITING:
            yield _StepBar(self._line, lambda _: None, 1, 0)
            return
        self.untouched = self.untouched and done >= total
        first, self._bars = self._bars, self._bars + 1

        def show(share: float) -> None:
            self.move_to((first + share) / self._step.bars)

        part = _StepBar(self._line, show, max(total, 1), done)
        before = self._line.n
        part.update(0)
        self._line.initial += self._line.n - before  # done by an earlier run
        yield part
        show(1.0)


class _StepBar:
    """A `Bar` that is part of the line."""

    def __init__(self, line: Line, show: Callable[[float], None], total: int, done: int) -> None:
        self._line, self._show, self._total, self._done = line, show, total, done

    def update(self, n: int) -> None:
        """Advance by ``n``."""
        self._done += n
        self._show(self._done / self._total)

    def set_postfix_str(self, s: str) -> None:
        """Show ``s`` after the line."""
        self._line.set_postfix_str(s)


@contextmanager
def total_progress(command: str, steps: Sequence[ProgressStep]) -> Iterator[TotalProgress]:
    """Show the progress of a run of ``steps``, as `show_progress` says."""
    total = sum(step.expected_s for step in steps)
    if (form := progress_form()) != "bar":
        yield TotalProgress(steps, _TextLine(total, command if form == "json" else ""))
        return
    from tqdm import tqdm

    columns = shutil.get_terminal_size().columns
    with tqdm(
        total=total, bar_format=_line_format(command, columns), dynamic_ncols=True, smoothing=0
    ) as line:
        yield TotalProgress(steps, line, columns)


def _label_length(columns: int) -> int:
    """Return the characters of a label that leave room for the bar and the time left."""
    return columns - _REST if columns < NARROW else columns // 2


def _line_format(command: str, columns: int) -> str:
    form = bar_format(columns).replace("{n_fmt}/{total_fmt}{unit}, ", "")
    return f"{command} {form}"


class _TextLine:
    """A line off a terminal: its texts, and JSON objects if it has a command's name.

    Args:
        total: sum of the weights of all steps.
        command: name of the command in the JSON objects; empty for none.
    """

    def __init__(self, total: float, command: str) -> None:
        self.n, self.initial, self.start_t = 0.0, 0.0, 0.0
        self.disable: bool | None = False
        self._total, self._command, self._text = total, command, ""
        self._written_s, self._written = 0.0, ""

    def refresh(self) -> None:
        """Write a JSON object, unless the last one of the same step is recent."""
        is_new = self._text != self._written or self.n >= self._total
        if self._command and (is_new or time.monotonic() - self._written_s >= _EVERY_S):
            self._written_s, self._written = time.monotonic(), self._text
            share = round(self.n / self._total, 4)
            write_event({"progress": f"{self._command} {self._text}", "share": share})

    def set_description_str(self, desc: str, refresh: bool = True) -> None:
        """Set the name of the step."""
        self._text = desc
        if refresh:
            self.refresh()

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Ignore the text."""

    def clear(self) -> None:
        """Do nothing."""

    def write(self, s: str) -> None:
        """Print a text."""
        print(s, flush=True)  # noqa: T201
