"""Progress of a run of many stages on one line: current stage, share done, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from data.core.progress import WRITING, Bar, Progress


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

    def __init__(self, steps: Sequence[ProgressStep], line: Line) -> None:
        self._steps, self._line = list(steps), line

    def say(self, text: str) -> None:
        """Print a text above the line."""
        self._line.write(text)

    @contextmanager
    def step(self, number: int) -> Iterator[Progress]:
        """Yield the progress of step ``number``, from 0; mark the step as done after the block."""
        step = self._steps[number]
        start = sum(before.expected_s for before in self._steps[:number])
        shown = _RunningStep(
            self._line, start, step, f"{number + 1}/{len(self._steps)} {step.name}"
        )
        self._line.set_description_str(shown.label)
        yield shown.bar
        if shown.untouched:  # done by an earlier run, so it says nothing about the speed
            self._line.initial += start + step.expected_s - self._line.n
        shown.move_to(1.0)


class _RunningStep:
    def __init__(self, line: Line, start: float, step: ProgressStep, label: str) -> None:
        self.label = label
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
        self._line.set_description_str(f"{self.label}: {name}")
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
    """Draw the progress line of a run of ``steps`` on the terminal."""
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"
    total = sum(step.expected_s for step in steps)
    with tqdm(total=total, bar_format=f"{command} {form}", dynamic_ncols=True, smoothing=0) as line:
        yield TotalProgress(steps, line)
