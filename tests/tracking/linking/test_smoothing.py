from __future__ import annotations

import numpy as np
import pytest

from tests.tracking.track_rows import timeline, tracks
from tracking.linking.smoothing import smooth, smoothed

# Frames are 0.1 s apart: with a window of 0.4 s the nearest neighbours are at half of the
# half-width and have weight (1 - 0.5^3)^3; the next ones have weight 0.
NEAR = 0.875**3
WINDOW_S = 0.4


@pytest.mark.parametrize(
    ("lefts", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([40], [40], id="one frame only"),
        pytest.param([40, 44], [40, 44], id="two: the line through both"),
        pytest.param([0, 2, 4, 6, 8], [0, 2, 4, 6, 8], id="even movement is not delayed"),
        pytest.param([7, 7, 7, 7], [7, 7, 7, 7], id="standing still"),
        pytest.param(
            [0, 0, 3, 0, 0],
            [0, 3 * NEAR / (1 + 2 * NEAR), 3 / (1 + 2 * NEAR), 3 * NEAR / (1 + 2 * NEAR), 0],
            id="one outlier is spread",
        ),
    ],
)
def test_positions(lefts: list[float], expected: list[float]) -> None:
    line = timeline(len(lefts))
    seen = tracks([(i, 1, left) for i, left in enumerate(lefts)], line)
    found = smooth(seen, line, window_s=WINDOW_S)
    assert found.xyxy[:, 0] == pytest.approx(expected, abs=1e-5)
    assert found.xyxy[:, 2] == pytest.approx([left + 10 for left in expected], abs=1e-5)
    assert np.array_equal(found.xyxy[:, 1::2], seen.xyxy[:, 1::2])


def test_sizes_are_smoothed_too() -> None:
    line = timeline(3)
    seen = tracks([(0, 1, 0), (1, 1, 0), (2, 1, 0)], line)
    seen = seen.replace(xyxy=np.array([[0, 0, 10, 10], [0, 0, 16, 10], [0, 0, 10, 10]], np.float32))
    found = smooth(seen, line, window_s=WINDOW_S)
    assert found.xyxy[1, 2] == pytest.approx((16 + 2 * NEAR * 10) / (1 + 2 * NEAR), abs=1e-5)


@pytest.mark.parametrize(
    ("cuts", "second"),
    [
        pytest.param([2], [(2, 1, 5), (3, 1, 5)], id="a cut"),
        pytest.param([], [(3, 1, 5), (4, 1, 5)], id="a gap that was left open"),
        pytest.param([], [(2, 2, 5), (3, 2, 5)], id="another person"),
        pytest.param([], [(2, 1, 50), (3, 1, 50)], id="farther than a face moves in a frame"),
        pytest.param([], [(2, -1, 5), (3, -1, 5)], id="no known person"),
    ],
)
def test_not_across(cuts: list[int], second: list[tuple[int, int, float]]) -> None:
    line = timeline(5, cuts=cuts)
    seen = tracks([(0, 1, 0), (1, 1, 0), *second], line)
    assert np.array_equal(smooth(seen, line, window_s=1.0).xyxy, seen.xyxy)


def test_rows_of_no_known_person_stay_unchanged() -> None:
    line = timeline(3)
    seen = tracks([(0, -1, 0), (1, -1, 3), (2, -1, 0), (1, -1, 6)], line)
    assert np.array_equal(smooth(seen, line, window_s=1.0).xyxy, seen.xyxy)


def test_two_people_crossing_keep_their_paths() -> None:
    line = timeline(5)
    seen = tracks(
        [(i, 1, 4.0 * i) for i in range(5)] + [(i, 2, 16.0 - 4 * i) for i in range(5)], line
    )
    assert smooth(seen, line, window_s=1.0).xyxy == pytest.approx(seen.xyxy, abs=1e-5)


def test_time_decides_where_frames_come_unevenly() -> None:
    """Uniform motion stays uniform, also at the ends and where frames are 30 times longer."""
    time_s = np.array([0, 0.01, 0.02, 0.3, 0.33, 0.4, 0.7, 0.71, 0.72])
    values = np.outer(time_s, [100, -50]) + np.array([3, 200])
    assert smoothed(values, time_s, 0.5) == pytest.approx(values)


def test_no_window_changes_nothing() -> None:
    line = timeline(4)
    seen = tracks([(0, 1, 0), (1, 1, 3), (2, 1, 0), (3, 1, 3)], line)
    assert np.array_equal(smooth(seen, line, window_s=0).xyxy, seen.xyxy)


def test_noise_is_reduced_and_the_input_unchanged() -> None:
    time_s = np.arange(200) / 25
    way = np.stack([100 + 40 * np.sin(time_s), 50 + 20 * np.cos(time_s)], axis=1)
    noisy = way + np.random.default_rng(0).normal(0, 2, way.shape)
    kept = noisy.copy()
    found = smoothed(noisy, time_s, WINDOW_S)
    assert np.abs(found - way).mean() < 0.6 * np.abs(noisy - way).mean()
    assert np.array_equal(noisy, kept)


@pytest.mark.parametrize("window_s", [-1.0, float("nan")])
def test_a_window_below_0_is_an_error(window_s: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        smooth(tracks([], timeline(0)), timeline(0), window_s=window_s)
