"""What a detector found on images whose people are known, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes, iou

SURE = 0.25  # score from which a find counts
_SAME_FACE = 0.5  # IoU of a find with the face that it is
_SAME_FIND = 0.6  # IoU of two finds that are one


@dataclass(frozen=True, eq=False)
class Judged:
    """The finds on one image beside the truth; all boxes in px of the same image."""

    truth_xyxy: Boxes  # (t, 4)
    truth: NDArray[np.int64]  # (t,) class index
    found_xyxy: Boxes  # (n, 4)
    found: NDArray[np.int64]  # (n,) class index
    score: NDArray[np.float32]  # (n,) 0 to 1


def confusion_matrix(
    judged: Sequence[Judged], people: int, *, sure: float = SURE
) -> NDArray[np.int64]:
    """Count whom each face was taken for.

    One identity a face: of finds at one place only the surest counts, whoever it names.

    Returns:
        ``(people + 1, people + 1)``: a row a person who it is, a column a person who was found.
        The last column counts faces not found, the last row finds where no face is labelled.
    """
    counts = np.zeros((people + 1, people + 1), np.int64)
    for image in judged:
        xyxy, found = _surest(image, sure)
        match = _match(image.truth_xyxy, xyxy)
        named = np.where(match >= 0, found[match] if len(found) else people, people)
        np.add.at(counts, (image.truth, named), 1)
        alone = np.setdiff1d(np.arange(len(found)), match)
        np.add.at(counts, (np.full(len(alone), people), found[alone]), 1)
    return counts


def _surest(image: Judged, sure: float) -> tuple[Boxes, NDArray[np.int64]]:
    """Return the finds that count, surest first."""
    order = np.argsort(-image.score, kind="stable")
    order = order[image.score[order] >= sure]
    xyxy = image.found_xyxy[order]
    overlap = iou(xyxy, xyxy)
    kept: list[int] = []
    for row in range(len(order)):
        if not kept or overlap[row, kept].max() < _SAME_FIND:
            kept.append(row)
    return xyxy[kept], image.found[order[kept]]


def _match(truth: Boxes, found: Boxes) -> NDArray[np.int64]:
    """Return the find of each face, -1 for none: the best overlaps first, each find once."""
    match = np.full(len(truth), -1, np.int64)
    overlap = iou(truth, found)
    while overlap.size and overlap.max() >= _SAME_FACE:
        face, find = np.unravel_index(int(overlap.argmax()), overlap.shape)
        match[face] = find
        overlap[face, :] = overlap[:, find] = 0
    return match
