"""Progress of a run of many stages on one line: current stage, share done, time left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from data.core.progress import (
    NARROW,
    WRITING,
    Bar,
    Progress,
    bar_format,
    drawn_line,
    left_of,
    progress_form,
    shortened,
    write_event,
)
from data.core.time_left import TimeLeft, WorkClock

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


class RunTime:
    """Time left of a run of several steps.

    What is left of the current step is reckoned from the work that it did. Later steps are expected
    to take longer or shorter than estimated, as the earlier ones did.
    """

    def __init__(self, steps: Sequence[ProgressStep], clock: WorkClock) -> None:
        self._steps, self._clock = list(steps), clock
        self._number, self._began_s = 0, clock()
        self._current = TimeLeft(1.0, clock=clock)
        self._measured: list[tuple[float, float]] = []  # seconds taken and expected, by step

    def begin(self, number: int) -> TimeLeft:
        """Begin a step; return its time left, whose work is the share that is done, 0..1."""
        self._number, self._began_s = number, self._clock()
        self._current = TimeLeft(1.0, clock=self._clock)
        return self._current

    def finish(self, *, worked: bool) -> None:
        """End the step; one that an earlier run did says nothing about the speed."""
        if worked:
            taken_s = self._clock() - self._began_s
            self._measured.append((taken_s, self._steps[self._number].expected_s))
        self._current = TimeLeft(0.0, clock=self._clock)

    def seconds(self) -> float | None:
        """Return the time left; None as long as nothing is known about the speed."""
        current_s = self._current.seconds()
        expected_s = self._steps[self._number].expected_s
        later_s = sum(step.expected_s for step in self._steps[self._number + 1 :])
        measured = list(self._measured)
        if current_s is not None and (share := self._current.of_this_run) > 0:
            whole_s = current_s + (self._clock() - self._began_s)
            measured.append((whole_s, expected_s * share))
        if not measured:
            return 0.0 if current_s == 0.0 and not later_s else None
        slower = sum(taken_s for taken_s, _ in measured) / sum(of_s for _, of_s in measured)
        if current_s is None:
            current_s = expected_s * self._current.left * slower
        return current_s + later_s * slower


class TotalProgress:
    """Progress of a run of several stages, on one line.

    Args:
        steps: the stages; their expected durations are weights.
        line: draws the line.
        time_left: estimates the time left.
        clock: clock of the estimate, which a pause stops.
        columns: width of the terminal.
    """

    def __init__(
        self,
        steps: Sequence[ProgressStep],
        line: Line,
        *,
        time_left: RunTime | None = None,
        clock: WorkClock | None = None,
        columns: int = 1000,
    ) -> None:
        self._steps, self._line, self._columns = list(steps), line, columns
        self._clock = clock or WorkClock()
        self._time_left = time_left or RunTime(steps, self._clock)

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
            with self._clock.paused():
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
        left = self._time_left.begin(number)
        shown = _RunningStep(self._line, start, step, left, label, _label_length(self._columns))
        self._line.set_description_str(shown.label)
        self._line.set_postfix_str("")  # of the step before
        yield shown.bar
        self._time_left.finish(worked=not shown.untouched)
        shown.move_to(1.0)


class _RunningStep:
    def __init__(
        self,
        line: Line,
        start: float,
        step: ProgressStep,
        left: TimeLeft,
        label: str,
        length: int,
    ) -> None:
        self.label, self._length = label, length
        self.untouched = True
        self._line, self._start, self._step, self._left = line, start, step, left
        self._bars = 0
        self._share = 0.0

    def move_to(self, share: float) -> None:
        """Set the share of the step that is done, 0..1; the line never moves backwards."""
        self._share = max(self._share, min(share, 1.0))
        self._line.n = self._start + self._share * self._step.expected_s
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

        def show(share: float, *, count: Callable[[float], None]) -> None:
            before = self._share
            reached = min((first + share) / self._step.bars, 1.0)
            count(max(reached - before, 0.0))
            self.move_to(reached)

        part = _StepBar(self._line, partial(show, count=self._left.advance), max(total, 1), done)
        show(min(done / max(total, 1), 1.0), count=self._left.skip)  # done by an earlier run
        yield part
        show(1.0, count=self._left.skip)


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
    clock = WorkClock()
    left = RunTime(steps, clock)
    if (form := progress_form()) != "bar":
        line = _TextLine(total, command if form == "json" else "", left)
        yield TotalProgress(steps, line, time_left=left, clock=clock)
        return
    columns = shutil.get_terminal_size().columns
    with drawn_line(left.seconds, total=total, bar_format=_line_format(command, columns)) as line:
        yield TotalProgress(steps, line, time_left=left, clock=clock, columns=columns)


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
        left: estimates the time left.
    """

    def __init__(self, total: float, command: str, left: RunTime) -> None:
        self.n, self.start_t = 0.0, 0.0
        self.disable: bool | None = False
        self._total, self._command, self._left, self._text = total, command, left, ""
        self._written_s, self._written = 0.0, ""

    def refresh(self) -> None:
        """Write a JSON object, unless the last one of the same step is recent."""
        is_new = self._text != self._written or self.n >= self._total
        if self._command and (is_new or time.monotonic() - self._written_s >= _EVERY_S):
            self._written_s, self._written = time.monotonic(), self._text
            share = round(self.n / self._total, 4)
            event = {"progress": f"{self._command} {self._text}", "share": share}
            write_event({**event, **left_of(self._left.seconds())})

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
