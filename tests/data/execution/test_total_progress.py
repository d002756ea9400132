from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field

import pytest

from data.core.progress import WRITING, ProgressForm, show_progress
from data.core.time_left import WorkClock
from data.execution.total_progress import (
    ProgressStep,
    RunTime,
    TotalProgress,
    total_progress,
)


@dataclass
class Line:
    """Progress line that records its texts."""

    n: float = 0
    start_t: float = 0
    disable: bool | None = False
    texts: list[str] = field(default_factory=list)
    postfix: str = ""
    seen: list[float] = field(default_factory=list)

    def refresh(self) -> None:
        self.seen.append(self.n)

    def clear(self) -> None:
        self.texts.append("(clear)")

    def set_description_str(self, desc: str, refresh: bool = True) -> None:
        del refresh
        self.texts.append(desc)

    def write(self, s: str) -> None:
        self.texts.append(s)

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        del refresh
        self.postfix = s


@dataclass
class Seconds:
    """Clock of a test."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s

    def pass_(self, seconds: float) -> None:
        self.now_s += seconds


STEPS = (ProgressStep("find", 10, bars=2), ProgressStep("train", 30))


def test_steps_and_their_bars_add_up() -> None:
    line = Line()
    run = TotalProgress(STEPS, line)
    with run.step(0) as bars:
        with bars("a", 4, 0) as bar:
            bar.update(1)
            bar.set_postfix_str("3 faces")
            assert line.n == pytest.approx(10 / 8)
        assert line.n == pytest.approx(5)
        with bars("b", 2, 0) as bar:
            bar.update(1)
            assert line.n == pytest.approx(7.5)
        with bars(WRITING, 100, 0) as bar:
            bar.update(50)
            assert line.n == pytest.approx(10)
    assert line.n == pytest.approx(10)
    with run.step(1) as bars, bars("epochs", 3, 0) as bar:
        bar.update(3)
    assert line.n == pytest.approx(40)
    assert line.seen == sorted(line.seen)
    assert line.postfix == ""  # of the step before
    assert line.texts[:3] == ["1/2 find", "1/2 find: a", "1/2 find: b"]


def test_later_steps_take_as_much_longer_as_the_earlier_ones() -> None:
    now = Seconds()
    left = RunTime(STEPS, WorkClock(now))
    run = TotalProgress(STEPS, Line(), time_left=left)
    assert left.seconds() is None
    with run.step(0) as bars, bars("a", 10, 0) as bar:
        now.pass_(15)  # loading a network
        assert left.seconds() is None
        for _ in range(5):
            now.pass_(1)
            bar.update(1)
        # 15 of the 20 samples of both bars are left, and the step takes 35 s instead of 10 s.
        assert left.seconds() == pytest.approx(15 + 3.5 * 30)
    assert left.seconds() == pytest.approx(2 * 30)  # it ended after 20 s
    with run.step(1) as bars, bars("epochs", 3, 0) as bar:
        assert left.seconds() == pytest.approx(2 * 30)
        bar.update(3)
        assert left.seconds() == 0


def test_steps_done_before_do_not_count_for_the_speed() -> None:
    now, line = Seconds(), Line()
    left = RunTime(STEPS, WorkClock(now))
    run = TotalProgress(STEPS, line, time_left=left)
    with run.step(0) as bars, bars("a", 4, 4):
        now.pass_(1)
    assert (line.n, left.seconds()) == (10, None)
    with run.step(1) as bars, bars("epochs", 10, 5) as bar:
        assert (line.n, left.seconds()) == (25, None)
        for _ in range(2):
            now.pass_(7)
            bar.update(1)
        assert left.seconds() == pytest.approx(3 * 7)
    assert line.n == 40


def test_more_bars_than_expected_do_not_pass_the_end() -> None:
    line = Line()
    with TotalProgress(STEPS, line).step(0) as bars:
        for name in "abcd":
            with bars(name, 1, 0) as bar:
                bar.update(5)
    assert line.n == 10


def test_a_real_line_shows_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    with total_progress("fancam", STEPS) as run, run.step(0) as bars, bars("a", 2, 0) as bar:
        bar.update(1)
        drawn = terminal.getvalue()
    assert "fancam 1/2 find: a" in drawn
    assert " left" in drawn


def test_a_pause_is_not_counted_and_hides_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now, line = Seconds(), Line()
    monkeypatch.setattr("data.execution.total_progress.time.monotonic", now)
    clock = WorkClock(now)
    left = RunTime(STEPS, clock)
    run = TotalProgress(STEPS, line, time_left=left, clock=clock)
    with run.step(0) as bars, bars("a", 1, 0) as bar:
        now.pass_(10)
        bar.update(1)
    before_s = left.seconds()
    assert before_s
    with run.paused():
        now.pass_(60)
        assert line.disable
        assert line.texts[-1] == "(clear)"
        run.say("a question")
    assert not line.disable
    assert line.start_t == 60
    assert left.seconds() == before_s


@pytest.mark.parametrize("form", ["none", "json"])
def test_off_a_terminal_there_are_no_carriage_returns(
    form: ProgressForm, capsys: pytest.CaptureFixture[str]
) -> None:
    show_progress(form)
    try:
        with total_progress("fancam", STEPS) as run, run.step(0) as bars, bars("a", 2, 0) as bar:
            bar.update(1)
            run.say("a text")
            bar.update(1)
    finally:
        show_progress("auto")
    output = capsys.readouterr()
    assert output.out == "a text\n"
    assert "\r" not in output.err
    events = [json.loads(line) for line in output.err.splitlines()]
    assert bool(events) == (form == "json")
    assert all(0 <= event["share"] <= 1 for event in events)
    assert {event["progress"] for event in events} <= {"fancam 1/2 find", "fancam 1/2 find: a"}


@pytest.mark.parametrize(("expected_s", "bars"), [(0, 1), (-1, 1), (1, 0)])
def test_a_step_takes_time(expected_s: float, bars: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        ProgressStep("x", expected_s, bars)
