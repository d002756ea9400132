from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from data.core.time_left import TimeLeft, WorkClock, duration, duration_text

Steps = list[tuple[float, float]]
"""Time and count of each progress of a bar."""
# Measured with cluster-faces, track-people and crop-people on two cores that others used too: the
# first progress comes after the networks are loaded, and later ones by batch.
MEASURED: dict[str, Steps] = {
    "cluster-faces": [(0, 0), (13, 8), (15, 16), (17.2, 24), (18.7, 32), (21.6, 48), (24.7, 64)],
    "cluster-faces, short": [(0, 0), (21.3, 8), (26.5, 16)],
    "track-people": [(0, 0), (7.6, 28), (22, 104), (37.8, 204), (56, 328), (67, 384)],
    "crop-people": [(0, 0), (7.5, 51), (9.8, 100)],
}
WHOLE = {
    "cluster-faces": (63.3, 315),
    "cluster-faces, short": (48.0, 75),
    "track-people": (311.7, 1888),
    "crop-people": (20.1, 450),
}
"""Time and count at the end of each bar."""


class Seconds:
    """Clock of a test."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("command", MEASURED)
def test_the_estimate_after_a_fifth_of_the_work(command: str) -> None:
    clock, (whole_s, total) = Seconds(), WHOLE[command]
    left = TimeLeft(total, clock=clock)
    for (_, before), (clock.now_s, count) in pairwise(MEASURED[command]):
        left.advance(count - before)
    seconds = left.seconds()
    assert seconds is not None
    assert 1 / 1.5 < (seconds + clock.now_s) / whole_s < 1.5


def test_nothing_is_known_before_the_first_progress() -> None:
    clock = Seconds()
    left = TimeLeft(10, 2, clock=clock)
    assert left.seconds() is None
    clock.now_s = 4
    left.advance(0)
    assert left.seconds() is None
    left.advance(4)
    assert left.seconds() is None  # how much of the time went into loading?
    clock.now_s = 5
    left.advance(2)
    assert left.seconds() == 1  # half a second each since then
    left.advance(5)
    assert left.seconds() == 0


def timeline(*, load_s: float, piece_s: Sequence[float], pieces: int, size: int) -> Steps:
    """Return a simulated work in pieces, each counted in ones at its end."""
    steps, now_s = [(0.0, 0)], load_s
    for number in range(pieces):
        now_s += piece_s[number % len(piece_s)]
        steps += [(now_s, number * size + one + 1) for one in range(size)]
    return [(s, float(count)) for s, count in steps]


SIMULATED: dict[str, tuple[Steps, float]] = {
    # The work, and the largest factor between the estimated and the true length.
    "even": (timeline(load_s=0, piece_s=[1], pieces=40, size=1), 1.05),
    "loading": (timeline(load_s=60, piece_s=[1], pieces=40, size=1), 1.05),
    "batches": (timeline(load_s=10, piece_s=[5], pieces=20, size=8), 1.05),
    "few batches": (timeline(load_s=20, piece_s=[10], pieces=5, size=64), 1.05),
    "uneven batches": (timeline(load_s=10, piece_s=[4, 6, 5, 7, 3], pieces=20, size=8), 1.4),
    "a wait in every tenth": (timeline(load_s=5, piece_s=[1] * 9 + [4], pieces=60, size=1), 1.5),
    "very quick": (timeline(load_s=1, piece_s=[0.001], pieces=5000, size=1), 1.2),
}


@pytest.mark.parametrize("case", SIMULATED)
def test_the_estimate_at_any_time(case: str) -> None:
    """Also while a piece is in hand, of which nothing is counted yet."""
    (steps, factor), clock, asked = SIMULATED[case], Seconds(), 0
    whole_s, total = steps[-1]
    left = TimeLeft(total, clock=clock)
    for (before_s, before), (now_s, count) in pairwise(steps):
        for share in (0.1, 0.5, 0.9, 0.99):
            clock.now_s = before_s + share * (now_s - before_s)
            if (seconds := left.seconds()) is not None and now_s > before_s:
                asked += 1
                assert 1 / factor < (seconds + clock.now_s) / whole_s < factor, clock.now_s
        clock.now_s = now_s
        left.advance(count - before)
    assert asked > 4
    assert left.seconds() == 0


def test_an_overdue_piece_makes_the_estimate_longer() -> None:
    clock = Seconds()
    left = TimeLeft(10, clock=clock)
    for clock.now_s in (1, 2, 3):
        left.advance(1)
    found = []
    for clock.now_s in (3, 3.5, 4, 5, 8):
        found.append(left.seconds())
    assert found == pytest.approx([7, 6.5, 6, 6 * 4 / 3, 6 * 7 / 3])


def test_nothing_to_do() -> None:
    assert TimeLeft(0).seconds() == 0
    assert TimeLeft(5, 5).seconds() == 0


def test_work_of_earlier_runs_does_not_count_for_the_speed() -> None:
    clock = Seconds()
    left = TimeLeft(100, clock=clock)
    left.skip(90)
    for clock.now_s in (1, 2):
        left.advance(1)
    assert left.seconds() == 8


def test_pauses_do_not_count() -> None:
    now = Seconds()
    clock = WorkClock(now)
    now.now_s = 1
    with clock.paused():
        now.now_s = 100
    now.now_s += 2
    assert clock() == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0, "00:00"), (59.6, "01:00"), (125, "02:05"), (3600, "1:00:00")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (125.4, "2 min 5 s"), (3900, "1 h 5 min")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text
