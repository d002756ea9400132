"""Detect people in images with a trained YOLO; keep every person's score of each box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.core.boxes import Boxes, iou

YoloNetwork = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Map ``(b, h, w, 3)`` RGB to ``(b, 4 + people, n)``; see `export.ExportedModel`."""

MIN_SCORE: Final = 0.05
"""Boxes with lower scores are noise; scores up to ByteTrack's 0.25 can continue a track."""
DUPLICATE_IOU: Final = 0.5
"""Boxes with a higher IoU show the same face, even if their best people differ."""
_MAX_BOXES: Final = 300  # per image, before duplicates are merged
_STRIDE: Final = 32
_GREY: Final = 114  # ultralytics' padding value


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """Detected boxes of one image."""

    xyxy: Boxes  # (n, 4) px of the image
    evidence: NDArray[np.float32]  # (n, people) 0..1 score of each person

    @classmethod
    def empty(cls, people: int) -> ImageDetections:
        """Return no boxes."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, people), np.float32))


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Placement of an image, scaled and padded, in the network's input."""

    image_wh: tuple[int, int]  # px of the original image
    scaled_wh: tuple[int, int]  # px of the scaled image
    input_wh: tuple[int, int]  # px, multiples of the network's stride
    offset: tuple[int, int]  # (x, y) px of the image's upper left corner in the input

    @classmethod
    def fit(cls, image_wh: tuple[int, int], image_px: int) -> Letterbox:
        """Scale the longer side to ``image_px``, and pad both sides to the next multiple of 32."""
        scale = image_px / max(image_wh)
        width, height = (max(round(side * scale), 1) for side in image_wh)
        input_wh = (-(-width // _STRIDE) * _STRIDE, -(-height // _STRIDE) * _STRIDE)
        offset = ((input_wh[0] - width) // 2, (input_wh[1] - height) // 2)
        return cls(image_wh, (width, height), input_wh, offset)

    def paste(self, image: Image, target: Image) -> None:
        """Scale ``image``, ``(h, w, 3)`` RGB, into ``target``, the padded input, in place."""
        (x, y), (w, h) = self.offset, self.scaled_wh
        inside = target[y : y + h, x : x + w]
        if (w, h) == self.image_wh:
            inside[:] = image
        else:
            inside[:] = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)

    def to_image(self, xyxy: Boxes) -> Boxes:
        """Convert ``(n, 4)`` boxes in input px to image px, clipped to the image."""
        corner = np.array(self.offset * 2, np.float32)
        ratio = np.array(self.image_wh, np.float32) / np.array(self.scaled_wh, np.float32)
        limits = np.array(self.image_wh * 2, np.float32)
        return np.asarray(np.clip((xyxy - corner) * np.tile(ratio, 2), 0, limits), np.float32)


class PersonDetector:
    """YOLO detector whose classes are people; not thread-safe."""

    def __init__(
        self, network: YoloNetwork, *, image_px: int, min_score: float = MIN_SCORE
    ) -> None:
        """Wrap a network.

        Args:
            network: maps a batch of images to boxes and scores.
            image_px: length that the longer side of an image is scaled to.
            min_score: minimum score of a box's best person, 0 to 1.
        """
        self._network = network
        self._image_px = image_px
        self._min_score = min_score

    def __call__(self, images: Sequence[Image]) -> list[ImageDetections]:
        """Detect the people in images of one size, each ``(h, w, 3)`` RGB."""
        if not images:
            return []
        letterbox = Letterbox.fit((images[0].shape[1], images[0].shape[0]), self._image_px)
        width, height = letterbox.input_wh
        batch = np.full((len(images), height, width, 3), _GREY, np.uint8)
        for image, target in zip(images, batch, strict=True):
            if image.shape != images[0].shape:
                raise ValueError(f"images must all be {images[0].shape}, got {image.shape}")
            letterbox.paste(image, target)
        decoded = [decode(output, self._min_score) for output in self._network(batch)]
        return [ImageDetections(letterbox.to_image(d.xyxy), d.evidence) for d in decoded]


def decode(output: NDArray[np.float32], min_score: float) -> ImageDetections:
    """Return the boxes of YOLO's output for one image, duplicates merged across people.

    Args:
        output: ``(4 + people, n)`` centre, width and height in px, then every person's score.
        min_score: minimum score of a box's best person, 0 to 1.
    """
    best = output[4:].max(axis=0, initial=0)
    rows = np.flatnonzero(best >= min_score)
    rows = rows[np.argsort(-best[rows], kind="stable")][:_MAX_BOXES]
    centre, half = output[:2, rows].T, output[2:4, rows].T / 2
    xyxy = np.hstack([centre - half, centre + half]).astype(np.float32)
    return merge_duplicates(ImageDetections(xyxy, np.ascontiguousarray(output[4:, rows].T)))


def merge_duplicates(boxes: ImageDetections) -> ImageDetections:
    """Keep the best box of each face, with each person's highest score among its duplicates.

    Args:
        boxes: in descending order of the best person's score.
    """
    overlap = iou(boxes.xyxy, boxes.xyxy) > DUPLICATE_IOU
    remaining = np.ones(len(boxes.xyxy), np.bool_)
    keep, evidence = [], []
    for row in range(len(boxes.xyxy)):
        if remaining[row]:
            same = overlap[row] & remaining
            same[row] = True
            keep.append(row)
            evidence.append(boxes.evidence[same].max(axis=0))
            remaining &= ~same
    people = boxes.evidence.shape[1]
    return ImageDetections(boxes.xyxy[keep], np.array(evidence, np.float32).reshape(-1, people))
