from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cropping.camera import path
from cropping.camera.path import KNOT_S, PathSettings, average_path, steady_path

RATE = 25.0


def seconds(length_s: float, rate: float = RATE) -> NDArray[np.float64]:
    return np.arange(round(length_s * rate)) / rate


def lead(
    target: NDArray[np.float64], *, room: float = 1.0, time_s: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    times = seconds(len(target) / RATE) if time_s is None else time_s
    return steady_path(times, target, target - room, target + room, settings=PathSettings())


def sway(time_s: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    noise = np.random.default_rng(3).normal(0, size / 5, len(time_s))
    return np.asarray(0.4 + size * np.sin(time_s * 2.1) + noise)


def test_no_frames() -> None:
    assert lead(np.zeros(0)).shape == (0,)
    none = np.zeros(0)
    assert average_path(none, none, none, none, window_s=1).shape == (0,)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_few_frames(count: int) -> None:
    np.testing.assert_allclose(lead(np.full(count, 0.3)), 0.3, atol=1e-6)


@pytest.mark.parametrize("size", [0.01, 0.05], ids=["breathing", "swaying"])
def test_stands_while_the_person_hardly_moves(size: float) -> None:
    path = lead(sway(seconds(12), size))
    assert np.abs(np.diff(path)).max() < 1e-4
    assert path.mean() == pytest.approx(0.4, abs=size)


def test_one_move_is_one_smooth_pan() -> None:
    """The person walks from 0 to 1 within a second; the camera stands still before and after."""
    time_s = seconds(10)
    target = np.interp(time_s, [5, 6], [0, 1]) + sway(time_s, 0.01) - 0.4
    path = lead(target)
    velocity = np.diff(path) * RATE
    assert velocity.min() > -0.02  # it never goes back
    assert (np.abs(velocity) < 1e-3).mean() > 0.5
    assert path[[0, -1]] == pytest.approx([0, 1], abs=0.04)
    assert np.abs(np.diff(velocity)).max() < np.abs(np.diff(np.diff(target))).max() * RATE


def test_limits_are_never_exceeded() -> None:
    """This holds even where the person jumps and no smooth path is within the limits."""
    time_s = seconds(4)
    target = np.where(time_s < 2, 0.0, 3.0)
    path = lead(target, room=0.2)
    assert (np.abs(path - target) <= 0.2 + 1e-9).all()


def test_a_path_keeps_a_margin_where_it_can() -> None:
    time_s = seconds(6)
    target = sway(time_s, 0.3)
    low, high = target - 0.35, target + 0.35

    def nearest(margin: float) -> float:
        path = steady_path(time_s, target, low, high, margin=margin, settings=PathSettings())
        return float(np.minimum(path - low, high - path).min())

    assert nearest(0.2) > nearest(0.0)


def test_steadier_than_a_moving_average() -> None:
    time_s = seconds(20)
    target = sway(time_s, 0.15)
    low, high = target - 1, target + 1
    average = average_path(time_s, target, low, high, window_s=0.5)
    steady = steady_path(time_s, target, low, high, settings=PathSettings())
    assert np.abs(np.diff(steady, 2)).mean() < np.abs(np.diff(average, 2)).mean() / 4


def test_at_a_varying_rate() -> None:
    time_s = np.concatenate([seconds(3), 3 + seconds(1, 5), 5.3 + seconds(3, 60)])
    path = lead(np.interp(time_s, [3, 5], [0, 0.5]), time_s=time_s)
    assert path[[0, -1]] == pytest.approx([0, 0.5], abs=0.05)
    assert np.abs(np.diff(path)[:50]).max() < 1e-4


def test_long_paths_in_windows_are_as_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    time_s = seconds(60)
    target = sway(time_s, 0.2)
    complete = lead(target)
    monkeypatch.setattr(path, "WINDOW_S", 10.0)
    windowed = lead(target)
    assert np.abs(windowed - complete).mean() < 0.01
    assert np.abs(np.diff(windowed, 2)).max() < 2 * np.abs(np.diff(complete, 2)).max()


def test_input_stays_and_output_repeats() -> None:
    target = sway(seconds(5), 0.2)
    before = target.copy()
    np.testing.assert_array_equal(lead(target), lead(target))
    np.testing.assert_array_equal(target, before)


@pytest.mark.parametrize(
    ("window_s", "expected"),
    [(0.0, [0, 3, 6, 0]), (2.0, [1.5, 3, 3, 3]), (100.0, [2.25] * 4)],
    ids=["none", "neighbours", "all"],
)
def test_moving_average_by_hand(window_s: float, expected: list[float]) -> None:
    time_s, target = np.arange(4.0), np.array([0.0, 3, 6, 0])
    low, high = np.full(4, -9.0), np.full(4, 9.0)
    path = average_path(time_s, target, low, high, window_s=window_s)
    assert path.tolist() == pytest.approx(expected)
    assert average_path(time_s, target, low, high - 8, window_s=window_s).max() <= 1


def test_a_knot_is_many_samples() -> None:
    assert path.SAMPLE_S <= KNOT_S / 2
