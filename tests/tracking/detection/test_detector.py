from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tracking.detection.detector import (
    ImageDetections,
    Letterbox,
    PersonDetector,
    decode,
    merge_duplicates,
)


@pytest.mark.parametrize(
    ("image_wh", "image_px", "scaled_wh", "input_wh", "offset"),
    [
        ((640, 360), 320, (320, 180), (320, 192), (0, 6)),
        ((360, 640), 320, (180, 320), (192, 320), (6, 0)),
        ((320, 320), 320, (320, 320), (320, 320), (0, 0)),
        ((100, 50), 320, (320, 160), (320, 160), (0, 0)),
        ((4000, 1), 64, (64, 1), (64, 32), (0, 15)),
        ((333, 222), 100, (100, 67), (128, 96), (14, 14)),
    ],
    ids=["wide", "tall", "as it is", "enlarged", "a line", "odd"],
)
def test_letterbox(
    image_wh: tuple[int, int],
    image_px: int,
    scaled_wh: tuple[int, int],
    input_wh: tuple[int, int],
    offset: tuple[int, int],
) -> None:
    box = Letterbox.fit(image_wh, image_px)
    assert (box.scaled_wh, box.input_wh, box.offset) == (scaled_wh, input_wh, offset)
    x, y = offset
    whole = np.array([[x, y, x + scaled_wh[0], y + scaled_wh[1]]], np.float32)
    assert box.to_image(whole).tolist() == [[0, 0, *image_wh]]


def test_boxes_are_cut_at_the_edges() -> None:
    box = Letterbox.fit((640, 360), 320)
    assert box.to_image(np.array([[-5, 0, 400, 20]], np.float32)).tolist() == [[0, 0, 640, 28]]


def output(*boxes: tuple[float, ...]) -> NDArray[np.float32]:
    """Return YOLO's output for boxes of x1, y1, x2, y2 and the score of each person."""
    x1, y1, x2, y2, *scores = np.array(boxes, np.float32).reshape(len(boxes), -1).T
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, *scores]).astype(np.float32)


@pytest.mark.parametrize(
    ("boxes", "xyxy", "evidence"),
    [
        pytest.param([(0, 0, 9, 9, 0.04, 0.01)], [], [], id="low scores"),
        pytest.param([(0, 0, 9, 9, 0.5, 0.25)], [[0, 0, 9, 9]], [[0.5, 0.25]], id="one"),
        pytest.param(
            [(0, 0, 8, 8, 0.25, 0.125), (20, 0, 28, 8, 0.5, 0)],
            [[20, 0, 28, 8], [0, 0, 8, 8]],
            [[0.5, 0], [0.25, 0.125]],
            id="two faces, the higher score first",
        ),
        pytest.param(
            [(0, 0, 8, 8, 0.25, 0.5), (0, 0, 8, 9, 0.75, 0)],
            [[0, 0, 8, 9]],
            [[0.75, 0.5]],
            id="one face, detected as two people",
        ),
        pytest.param(
            [(0, 0, 8, 8, 0.5, 0), (4, 0, 12, 8, 0, 0.5)],
            [[0, 0, 8, 8], [4, 0, 12, 8]],
            [[0.5, 0], [0, 0.5]],
            id="one behind the other",
        ),
    ],
)
def test_decode(
    boxes: list[tuple[float, ...]], xyxy: list[list[float]], evidence: list[list[float]]
) -> None:
    found = decode(output(*boxes), 0.05)
    assert found.xyxy.tolist() == xyxy
    assert found.evidence.tolist() == evidence
    assert found.evidence.shape == (len(xyxy), 2)


def test_decode_no_boxes() -> None:
    found = decode(np.zeros((7, 0), np.float32), 0.05)
    assert (found.xyxy.shape, found.evidence.shape) == ((0, 4), (0, 3))
    assert len(merge_duplicates(found).xyxy) == 0


def test_boxes_without_area_stay_apart() -> None:
    same = np.zeros((2, 4), np.float32)
    found = merge_duplicates(ImageDetections(same, np.array([[0.5], [0.25]], np.float32)))
    assert found.evidence.tolist() == [[0.5], [0.25]]


class BrightSpot:
    """A network that detects the bright area of each image as the first person."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.shapes.append(images.shape)
        found = []
        for image in images:
            rows, columns = np.nonzero(image[:, :, 0] > 200)
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            found.append(output((*box, 0.75, 0.25)))
        return np.stack(found)


def test_finds_boxes_in_the_image() -> None:
    image = np.zeros((180, 320, 3), np.uint8)
    image[40:80, 100:150] = 255
    other = np.roll(image, 20, axis=1)
    before = image.copy()
    network = BrightSpot()
    first, second = PersonDetector(network, image_px=160)([image, other])
    assert np.abs(first.xyxy - [[100, 40, 150, 80]]).max() <= 1
    assert np.abs(second.xyxy - [[120, 40, 170, 80]]).max() <= 1
    assert first.evidence.tolist() == [[0.75, 0.25]]
    assert network.shapes == [(2, 96, 160, 3)]
    assert np.array_equal(image, before)


def test_no_images() -> None:
    assert PersonDetector(BrightSpot(), image_px=160)([]) == []


def test_images_of_two_sizes() -> None:
    images = [np.zeros((18, 32, 3), np.uint8), np.zeros((18, 30, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"must all be \(18, 32, 3\), got \(18, 30, 3\)"):
        PersonDetector(BrightSpot(), image_px=32)(images)
