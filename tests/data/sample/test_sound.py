"""The sound track: its length, its level, and its sample-exact marks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from data.sample.sound import MARK_HZ, MARK_LENGTH_S, RATE_HZ, draw_sound, mark_times_s


def mark_strength(samples: NDArray[np.float32], start_s: float) -> float:
    """Return the strength of the mark's pitch over one mark's length from ``start_s`` on."""
    start = round(start_s * RATE_HZ)
    t = np.arange(round(MARK_LENGTH_S * RATE_HZ)) / RATE_HZ
    part = samples[start : start + len(t)] * np.hanning(len(t))
    return float(abs(np.sum(part * np.exp(-2j * np.pi * MARK_HZ * t))))


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [(0.0, []), (0.5, [0.0]), (2.0, [0.0, 1.0]), (2.01, [0.0, 1.0]), (2.5, [0.0, 1.0, 2.0])],
    ids=["nothing", "half a second", "whole seconds", "no room at the end", "room at the end"],
)
def test_marks_are_at_whole_seconds(duration_s: float, expected: list[float]) -> None:
    assert mark_times_s(duration_s).tolist() == expected


def test_length_and_level() -> None:
    samples = draw_sound(2.5)
    assert samples.shape == (120_000,)
    assert samples.dtype == np.float32
    assert 0.3 < np.abs(samples).max() <= 1


def test_marks_sound_at_their_times_only() -> None:
    samples = draw_sound(3.5)
    marks = [mark_strength(samples, time_s) for time_s in mark_times_s(3.5)]
    between = [mark_strength(samples, t) for t in np.arange(0.1, 3.4, 0.05) if 0.04 < t % 1 < 0.96]
    assert min(marks) > 20 * max(between)


def test_a_mark_begins_at_its_exact_sample() -> None:
    with_mark = draw_sound(3.0)
    slow_part = np.abs(np.diff(with_mark))  # the tune is slow, the mark is fast
    start = 2 * RATE_HZ
    assert slow_part[start : start + 30].max() > 4 * slow_part[start - 400 : start - 1].max()


def test_is_deterministic() -> None:
    np.testing.assert_array_equal(draw_sound(1.2), draw_sound(1.2))
