from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cropping.camera.window import (
    MAX_UPSCALING,
    ZOOMS,
    WindowSettings,
    ZoomName,
    heights,
    required_wh,
)

NONE = np.zeros((0, 4))


@pytest.mark.parametrize(
    ("settings", "frame_wh", "video_wh"),
    [
        (WindowSettings(), (1280, 720), (404, 720)),
        (WindowSettings(), (3840, 2160), (608, 1080)),
        (WindowSettings(), (161, 97), (54, 96)),
        (WindowSettings(height=1280), (640, 360), (720, 1280)),
        (WindowSettings(aspect=Fraction(1)), (640, 360), (360, 360)),
        (WindowSettings(size_wh=(200, 630)), (640, 360), (200, 630)),
        (WindowSettings(size_wh=(201, 629)), (1280, 720), (200, 628)),
        (WindowSettings(aspect=Fraction(1, 10), height=2), (640, 360), (2, 2)),
    ],
    ids=["720p", "4K", "odd", "asked for", "square", "the service's", "odd size", "nothing left"],
)
def test_video_size(
    settings: WindowSettings, frame_wh: tuple[int, int], video_wh: tuple[int, int]
) -> None:
    assert settings.video_wh(frame_wh) == video_wh


def test_no_faces() -> None:
    found = heights(NONE, (640, 360), WindowSettings())
    assert len(found.low) == len(found.high) == len(found.target) == 0
    assert required_wh(NONE, (640, 360)).shape == (0, 2)


def face(width: float, height: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[100.0, 50, 100 + width, 50 + height]])


@pytest.mark.parametrize("zoom", list(ZOOMS))
def test_zoom_is_in_faces(zoom: ZoomName) -> None:
    found = heights(face(40, 40), (1920, 1080), WindowSettings(zoom=zoom, height=360))
    assert found.target[0] == pytest.approx(40 * ZOOMS[zoom].face_heights)
    assert found.low[0] <= found.target[0] <= found.high[0] == 1080


def test_a_far_face_is_not_blown_up() -> None:
    found = heights(face(10, 10), (1920, 1080), WindowSettings(zoom="face"))
    assert found.target[0] == 1080 / MAX_UPSCALING


def test_a_wide_face_gets_a_higher_window() -> None:
    found = heights(face(300, 200), (1920, 1080), WindowSettings(zoom="face"))
    assert found.target[0] * 608 / 1080 >= 300
    assert found.low[0] == pytest.approx(
        required_wh(face(300, 200), (1920, 1080))[0, 0] * 1080 / 608
    )


@pytest.mark.parametrize(
    ("size_wh", "height"),
    [((200, 630), 630), ((200, 2000), 1080), ((30, 60), None)],
    ids=["fits", "higher than the footage", "smaller than the face"],
)
def test_fixed_size(size_wh: tuple[int, int], height: float | None) -> None:
    found = heights(face(40, 40), (1920, 1080), WindowSettings(size_wh=size_wh))
    assert found.low[0] == found.high[0] == found.target[0]
    if height is None:
        assert found.target[0] * 30 / 60 >= 40
    else:
        assert found.target[0] == height
