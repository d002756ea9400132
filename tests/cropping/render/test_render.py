from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cropping.camera.shots import FrameTimes
from cropping.camera.windows import CropWindows
from cropping.render import render
from cropping.render.render import encoder_threads, keyframes, queue_capacity


def cuts(shot: list[int]) -> NDArray[np.int64]:
    return CropWindows(np.zeros((len(shot), 4)), np.array(shot, np.int64)).cuts()


@pytest.mark.parametrize(
    ("time_s", "shot", "expected"),
    [
        ([], [], []),
        ([0.0], [0], [0]),
        ([i / 4 for i in range(10)], [0] * 10, [0, 4, 8]),
        ([i / 4 for i in range(10)], [0, 0, 0, -1, -1, -1, -1, -1, 1, 1], [0, 3, 7, 8]),
        ([0.0, 0.5, 2.0, 2.1, 2.2, 3.4], [0] * 6, [0, 1, 2, 4, 5]),
    ],
    ids=["empty", "one", "every second", "shots", "varying rate"],
)
def test_keyframes(time_s: list[float], shot: list[int], expected: list[int]) -> None:
    found = np.flatnonzero(keyframes(FrameTimes(np.array(time_s)), cuts(shot))).tolist()
    assert found == expected or set(expected) - {len(time_s) - 1} <= set(found)
    ends = np.append(np.array(time_s)[found], np.array(time_s)[-1:])
    longest = max([1.0, *np.diff(np.array(time_s))])
    assert (np.diff(ends) <= longest).all()


def test_a_chunk_begins_with_a_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "CHUNK_FRAMES", 3)
    found = keyframes(FrameTimes(np.arange(8) / 100), cuts([0] * 8))
    assert np.flatnonzero(found).tolist() == [0, 3, 6, 7]


@pytest.mark.parametrize(
    ("workers", "cores", "threads"),
    [(0, 4, 4), (1, 1, 1), (1, 2, 2), (4, 2, 1), (4, 16, 4), (1, 64, 8)],
)
def test_threads(workers: int, cores: int, threads: int) -> None:
    assert encoder_threads(workers, cores) == threads


@pytest.mark.parametrize(
    ("frame_wh", "queues", "frames"),
    [((640, 360), 3, 8), ((1920, 1080), 5, 4), ((3840, 2160), 9, 2), ((7680, 4320), 33, 2)],
    ids=["small", "full hd", "4k", "8k and many people"],
)
def test_queues_hold_few_large_frames(frame_wh: tuple[int, int], queues: int, frames: int) -> None:
    assert queue_capacity(frame_wh, queues) == frames
