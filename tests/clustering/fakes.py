"""Fake networks that are cheap: the coloured corners of numbered frames are the people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.detector import FaceDetections
from data.core.arrays import Image
from tests.clips.numbered import CORNER_PX, CORNERS

PEOPLE = len(CORNERS)
_COLOURS = np.array(list(CORNERS.values()), np.float64)
_FARTHEST = 70  # largest distance of a corner's mean colour from its nominal colour
_CHIP_PX = 150
_POINTS = (
    (0.7, 0.3),
    (0.55, 0.3),
    (0.2, 0.3),
    (0.45, 0.3),
    (0.44, 0.6),
)  # landmarks, as shares of the box


class CornerDetector:
    """Detector of the coloured corners that counts its frames."""

    def __init__(self) -> None:
        self.frames = 0

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        self.frames += len(images)
        return [_detect(image) for image in images]


class CornerEmbedder:
    """Embedder that maps each colour to a point, with different colours 1 apart."""

    def landmarks(self, image: Image, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the landmarks of a frontal face."""
        del image
        size = xyxy[:, None, 2:] - xyxy[:, None, :2]
        return np.asarray(xyxy[:, None, :2] + size * np.array(_POINTS), np.float32)

    def chips(self, image: Image, faces: NDArray[np.float32]) -> Image:
        """Return chips of the mean colour around the face, with a texture that counts as sharp."""
        texture = np.random.default_rng(0).integers(-20, 20, (_CHIP_PX, _CHIP_PX, 1))
        chips = [np.clip(_mean_colour(image, points) + texture, 0, 255) for points in faces]
        return np.array(chips, np.uint8).reshape(-1, _CHIP_PX, _CHIP_PX, 3)

    def embed(self, chips: Image) -> NDArray[np.float32]:
        """Return one axis per colour."""
        points = np.zeros((len(chips), 128), np.float32)
        for row, chip in enumerate(chips):
            points[row, _nearest(chip.mean(axis=(0, 1)))[0]] = 0.7
        return points


def sface_network(batch: NDArray[Any]) -> NDArray[np.float32]:
    """Stand-in for SFace's network: one axis per colour, as long as for a clear face."""
    points = np.zeros((len(batch), 128), np.float32)
    for row, chip in enumerate(batch[:, :, 40:72, 40:72]):
        points[row, _nearest(chip.mean(axis=(1, 2)))[0]] = 11
    return points


def _detect(image: Image) -> FaceDetections:
    boxes = [box for box in _corners(image) if _shows_a_person(image, box)]
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return FaceDetections(xyxy=xyxy, score=np.ones(len(xyxy), np.float32))


def _corners(image: Image) -> Iterator[tuple[int, int, int, int]]:
    height, width = image.shape[:2]
    for x in (0, width - CORNER_PX):
        for y in (0, height - CORNER_PX):
            yield x, y, x + CORNER_PX, y + CORNER_PX


def _shows_a_person(image: Image, box: tuple[int, int, int, int]) -> bool:
    x1, y1, x2, y2 = box
    patch = image[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4]
    return patch.size > 0 and _nearest(patch.mean(axis=(0, 1)))[1] < _FARTHEST


def _mean_colour(image: Image, points: NDArray[np.float32]) -> NDArray[np.float64]:
    x, y = points[4].astype(int)
    return np.asarray(image[y - 4 : y + 4, x - 4 : x + 4].mean(axis=(0, 1)))


def _nearest(colour: NDArray[np.float64]) -> tuple[int, float]:
    apart = np.linalg.norm(_COLOURS - colour, axis=1)
    return int(apart.argmin()), float(apart.min())
