from __future__ import annotations

import numpy as np
import pytest

from cropping.camera.subject import PictureArea
from cropping.smiles.framing import crop_square, square_in, square_of, steady_box


@pytest.mark.parametrize(
    "box",
    [(300, 150, 360, 210), (0, 0, 60, 60), (600, 320, 660, 380), (-90, -90, -30, -30)],
    ids=["middle", "corner", "over the edge", "outside"],
)
def test_squares_are_inside_the_frame(box: tuple[int, ...]) -> None:
    left, top, side = square_of(np.array(box, np.float32), (640, 360))
    assert left >= 0
    assert top >= 0
    assert left + side <= 640
    assert top + side <= 360


def test_the_face_is_in_the_middle_with_room() -> None:
    left, top, side = square_of(np.array([300, 150, 360, 210], np.float32), (640, 360))
    assert left + side / 2 == pytest.approx(330)
    assert top < 150 < 210 < top + side
    assert 100 < side < 180


def test_a_face_larger_than_the_frame_shows_the_whole_frame() -> None:
    left, top, side = square_of(np.array([0, 0, 300, 300], np.float32), (320, 240))
    assert (top, side) == (0, 240)
    assert 0 <= left <= 80


def test_bars_of_the_footage_are_not_in_the_square() -> None:
    letterbox, box = PictureArea(0, 60, (640, 240)), np.array([300, 70, 400, 170], np.float32)
    left, top, side = square_in(box, letterbox)
    assert top == 60
    assert side == pytest.approx(230)
    assert left + side / 2 == 350
    assert square_in(box, PictureArea.whole((640, 360))) == square_of(box, (640, 360))


def test_a_burst_has_one_box() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [90, 0, 100, 10]], np.float32)
    assert steady_box(boxes).tolist() == [1, 0, 11, 10]


@pytest.mark.parametrize("side_px", [20, 40, 100])
def test_the_crop_has_the_pixels_of_the_frame(side_px: int) -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    image[30:70, 40:80] = 200
    cut = crop_square(image, (20.0, 10.0, 80.0), side_px)
    assert cut.shape == (side_px, side_px, 3)
    quarter = side_px // 4
    assert cut[side_px // 2, side_px // 2].tolist() == [200] * 3
    assert cut[1, 1].tolist() == [0] * 3
    bright = (cut[..., 0] > 100).sum() / side_px**2
    assert bright == pytest.approx(0.25, abs=0.03)
    assert (cut[quarter + 2 : -quarter - 2, quarter + 2 : -quarter - 2] > 190).all()


def test_fractions_of_a_pixel_move_the_picture() -> None:
    image = np.tile(np.arange(100, dtype=np.uint8)[None, :, None], (100, 1, 3))
    means = [crop_square(image, (x, 10.0, 40.0), 80).mean() for x in (20.0, 20.5, 21.0)]
    assert means[0] < means[1] < means[2]
