from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cropping.camera.footage_areas import FrameAreas, find_picture_areas
from cropping.camera.subject import PictureArea
from data.core.arrays import Image
from data.video.footage import probe
from tests.clips.encoding import encode
from tests.cropping.tracked_project import at_rate

WH = (160, 90)


def framed(number: int, left: int, top: int) -> Image:
    """Draw a picture that changes, between black bars."""
    random = np.random.default_rng(number)
    image = np.zeros((WH[1], WH[0], 3), np.uint8)
    height, width = WH[1] - 2 * top, WH[0] - 2 * left
    blocks = random.integers(80, 220, (-(-height // 8), -(-width // 8), 3)).astype(np.uint8)
    inside = np.kron(blocks, np.ones((8, 8, 1), np.uint8))[:height, :width]
    image[top : WH[1] - top, left : WH[0] - left] = inside
    return image


def film() -> list[Image]:
    """Draw three shots of 20 frames: letterbox that fades in, no bars, and pillarbox."""
    letterbox = [framed(n, 0, 12) // (8 if n < 5 else 1) for n in range(20)]
    return [
        *letterbox,
        *(framed(n, 0, 0) for n in range(20)),
        *(framed(n, 52, 0) for n in range(20)),
    ]


@pytest.mark.parametrize(
    ("suffix", "options", "pix_fmt"),
    [
        (".mp4", {"crf": "20"}, "yuv420p"),
        (".mp4", {"g": "600", "sc_threshold": "0", "crf": "20"}, "yuv420p"),
        (".mkv", {"crf": "20"}, "yuv420p10le"),
        (".h264", {"crf": "20"}, "yuv420p"),
    ],
    ids=["keyframes at cuts", "a single keyframe", "10 bit", "without times"],
)
def test_bars_are_found_once_a_shot(
    suffix: str, options: dict[str, str], pix_fmt: str, tmp_path: Path
) -> None:
    path = tmp_path / f"film{suffix}"
    encode(path, film(), options=options, pix_fmt=pix_fmt)
    found = find_picture_areas(probe(path), at_rate(60, 20, 40), WH, threads=1)
    assert found[1].tolist() == [0, 0, 160, 90]
    for row, expected in ((0, [0, 12, 160, 78]), (2, [52, 0, 108, 90])):
        inset = np.abs(found[row] - expected)
        assert inset.max() <= 4
        # No line of a bar remains.
        assert (found[row][:2] >= expected[:2]).all()
        assert (found[row][2:] <= expected[2:]).all()


def test_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    encode(path, film()[:5])
    assert find_picture_areas(probe(path), at_rate(0), WH, threads=1).tolist() == [[0, 0, *WH]]


def test_areas_of_frames(tmp_path: Path) -> None:
    """A face within a bar shows that it is picture; without detections no bars are known."""
    path, detections = tmp_path / "film.mp4", tmp_path / "detections.npz"
    encode(path, film(), options={"crf": "20"})
    face, low = np.array([70, 20, 90, 40], np.float32), np.array([70, 75, 90, 90], np.float32)
    whole = PictureArea.whole(WH)
    unknown = FrameAreas.of(probe(path), detections, threads=1)
    assert unknown.at(10, face, WH) == whole
    timeline = at_rate(60, 20, 40)
    np.savez(
        detections,
        frame_index=timeline.frame_index,
        time_s=timeline.time_s,
        cuts=timeline.cuts,
    )
    areas = FrameAreas.of(probe(path), detections, threads=1)
    assert areas.at(10, face, WH).wh[1] < 70
    assert areas.at(45, face, WH).wh[0] < 60
    assert areas.at(30, face, WH) == areas.at(10, low, WH) == whole
