"""Find people in frames with a trained YOLO, keeping a score for every one of them."""

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
"""(b, h, w, 3) RGB in, (b, 4 + people, n) out: see `tracking.detection.export.ExportedModel`."""

LEAST_SCORE: Final = 0.05
"""Boxes below say nothing; those up to ByteTrack's 0.25 can still go on with a track."""
SAME_IOU: Final = 0.5
"""Boxes that overlap more show one face, whoever they say it is."""
_MOST_BOXES: Final = 300  # a frame, before overlapping ones are joined
_STRIDE: Final = 32
_GREY: Final = 114  # what ultralytics pads with


@dataclass(frozen=True, eq=False)
class Found:
    """The people found in one image."""

    xyxy: Boxes  # (n, 4) px of the image
    evidence: NDArray[np.float32]  # (n, people) 0..1


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How an image is fitted into the network's input."""

    image_wh: tuple[int, int]  # px as it is
    scaled_wh: tuple[int, int]  # px of the image in the input
    input_wh: tuple[int, int]  # px, multiples of the network's stride
    offset: tuple[int, int]  # px of the image's upper left corner in the input

    @classmethod
    def fit(cls, image_wh: tuple[int, int], image_px: int) -> Letterbox:
        """Make the longer side ``image_px``, and pad both as little as the stride allows."""
        scale = image_px / max(image_wh)
        width, height = (max(round(side * scale), 1) for side in image_wh)
        input_wh = (-(-width // _STRIDE) * _STRIDE, -(-height // _STRIDE) * _STRIDE)
        offset = ((input_wh[0] - width) // 2, (input_wh[1] - height) // 2)
        return cls(image_wh, (width, height), input_wh, offset)

    def put(self, image: Image, target: Image) -> None:
        """Draw ``image`` into ``target``, (h, w, 3) of the input's size and padded already."""
        (x, y), (w, h) = self.offset, self.scaled_wh
        inside = target[y : y + h, x : x + w]
        if (w, h) == self.image_wh:
            inside[:] = image
        else:
            inside[:] = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)

    def back(self, xyxy: Boxes) -> Boxes:
        """Boxes of the input as boxes of the image, cut at its edges."""
        corner = np.array(self.offset * 2, np.float32)
        ratio = np.array(self.image_wh, np.float32) / np.array(self.scaled_wh, np.float32)
        limits = np.array(self.image_wh * 2, np.float32)
        return np.asarray(np.clip((xyxy - corner) * np.tile(ratio, 2), 0, limits), np.float32)


class PersonDetector:
    """A YOLO whose classes are people; one call at a time."""

    def __init__(
        self, network: YoloNetwork, *, image_px: int, least_score: float = LEAST_SCORE
    ) -> None:
        """Take the network, the longer side it wants, and the least score that counts."""
        self._network = network
        self._image_px = image_px
        self._least_score = least_score

    def __call__(self, images: Sequence[Image]) -> list[Found]:
        """Find the people in images of one size."""
        if not images:
            return []
        box = Letterbox.fit((images[0].shape[1], images[0].shape[0]), self._image_px)
        width, height = box.input_wh
        batch = np.full((len(images), height, width, 3), _GREY, np.uint8)
        for image, target in zip(images, batch, strict=True):
            if image.shape != images[0].shape:
                raise ValueError(f"images must all be {images[0].shape}, got {image.shape}")
            box.put(image, target)
        found = [decode(output, self._least_score) for output in self._network(batch)]
        return [Found(box.back(one.xyxy), one.evidence) for one in found]


def decode(output: NDArray[np.float32], least_score: float) -> Found:
    """The boxes in what YOLO says of one image, overlapping ones joined whoever they name.

    Args:
        output: ``(4 + people, n)`` centre, width and height, then every person's score.
        least_score: of the best person in a box that counts.
    """
    best = output[4:].max(axis=0, initial=0)
    rows = np.flatnonzero(best >= least_score)
    rows = rows[np.argsort(-best[rows], kind="stable")][:_MOST_BOXES]
    centre, half = output[:2, rows].T, output[2:4, rows].T / 2
    xyxy = np.hstack([centre - half, centre + half]).astype(np.float32)
    return join_overlapping(Found(xyxy, np.ascontiguousarray(output[4:, rows].T)))


def join_overlapping(found: Found) -> Found:
    """Keep the best box of each face, with the highest score that any box gave each person.

    Args:
        found: the best first.
    """
    overlap = iou(found.xyxy, found.xyxy) > SAME_IOU
    waiting = np.ones(len(found.xyxy), np.bool_)
    keep, evidence = [], []
    for row in range(len(found.xyxy)):
        if waiting[row]:
            same = overlap[row] & waiting
            same[row] = True
            keep.append(row)
            evidence.append(found.evidence[same].max(axis=0))
            waiting &= ~same
    people = found.evidence.shape[1]
    return Found(found.xyxy[keep], np.array(evidence, np.float32).reshape(-1, people))
