"""Match detections with labelled faces, and count which person each face was detected as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes, iou, non_maximum_suppression

MIN_SCORE = 0.25  # detections with a lower score do not count
_LABEL_IOU = 0.5  # minimum for a detection to be on a labelled face
_DUPLICATE_IOU = 0.6  # minimum for two detections to be of one face


@dataclass(frozen=True, eq=False)
class LabelledDetections:
    """Labels and detections of one image; all boxes in px of the same image."""

    label_xyxy: Boxes  # (t, 4) px
    label_class: NDArray[np.int64]  # (t,) class index
    xyxy: Boxes  # (n, 4) px
    class_index: NDArray[np.int64]  # (n,)
    score: NDArray[np.float32]  # (n,) 0 to 1


def confusion_matrix(
    images: Sequence[LabelledDetections], people: int, *, min_score: float = MIN_SCORE
) -> NDArray[np.int64]:
    """Count which person each labelled face was detected as.

    A face has one identity: of several detections on it, only the one with the highest score
    counts, regardless of its person.

    Args:
        images: labels and detections.
        people: number of classes.
        min_score: detections with a lower score do not count, 0 to 1.

    Returns:
        ``(people + 1, people + 1)`` counts: rows are the labelled people, columns the detected
        ones. The last column counts missed faces, the last row detections on no labelled face.
    """
    counts = np.zeros((people + 1, people + 1), np.int64)
    for image in images:
        xyxy, class_index = _without_duplicates(image, min_score)
        match = _match(image.label_xyxy, xyxy)
        detected = class_index[match] if len(class_index) else people
        np.add.at(counts, (image.label_class, np.where(match >= 0, detected, people)), 1)
        unmatched = np.setdiff1d(np.arange(len(class_index)), match)
        np.add.at(counts, (np.full(len(unmatched), people), class_index[unmatched]), 1)
    return counts


def _without_duplicates(
    image: LabelledDetections, min_score: float
) -> tuple[Boxes, NDArray[np.int64]]:
    """Return boxes and classes of the detections that count, by descending score."""
    order = np.argsort(-image.score, kind="stable")
    order = order[image.score[order] >= min_score]
    xyxy = image.xyxy[order]
    kept = non_maximum_suppression(xyxy, _DUPLICATE_IOU)
    return xyxy[kept], image.class_index[order[kept]]


def _match(labels: Boxes, detections: Boxes) -> NDArray[np.int64]:
    """Return the detection on each label, ``(t,)``, -1 for none; greedily by descending IoU."""
    match = np.full(len(labels), -1, np.int64)
    overlap = iou(labels, detections)
    while overlap.size and overlap.max() >= _LABEL_IOU:
        label, detection = np.unravel_index(int(overlap.argmax()), overlap.shape)
        match[label] = detection
        overlap[label, :] = overlap[:, detection] = 0
    return match
