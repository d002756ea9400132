"""How much of the time that a body is visible its person is followed, on labelled clips.

`python -m tests.quality.bodies` follows the people of each clip without training: the bodies of a
general detector, and the faces that cluster-faces recognised.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, centres, iou
from data.tables.tracks import Tracks

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class BodyLabels:
    """Labelled bodies of a clip, one row per body."""

    frame_index: NDArray[np.int64]  # (n,) 0-based
    xyxy: Boxes  # (n, 4) px
    person: tuple[str, ...]  # "?" for undecided
    detected: NDArray[np.bool_]  # (n,) False for boxes drawn by hand or interpolated


@dataclass(frozen=True, slots=True)
class BodyScore:
    """Shares of the labelled bodies.

    Args:
        labelled: bodies whose person counts.
        right: share with a row of the matched person.
        wrong: share with a row of another person.
    """

    labelled: int
    right: float
    wrong: float


def read_body_labels(path: Path, *, unseen: Sequence[str] = ()) -> BodyLabels:
    """Read the labels, without people whose face is never seen.

    A tracklet that begins with m or ends in i was drawn by hand or interpolated.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["person"] not in unseen]
    sides = [[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows]
    tracklets = [row["tracklet"] for row in rows]
    return BodyLabels(
        frame_index=np.array([int(row["frame_index"]) for row in rows], np.int64),
        xyxy=np.array(sides, np.float32).reshape(-1, 4),
        person=tuple(row["person"] for row in rows),
        detected=np.array([not (t.startswith("m") or t.endswith("i")) for t in tracklets]),
    )


def body_score(tracks: Tracks, labels: BodyLabels) -> BodyScore:
    """Score tracks against labelled bodies; people are matched one to one for most right rows.

    A row is on a body if their IoU is at least MIN_IOU, or the centre of the face is in the upper
    half of the body; on a body that was not detected, if the centre of the face is in it. Of
    several bodies, a row is on the one with the highest IoU, else with the nearest head.
    """
    pairs: Counter[tuple[str, int]] = Counter()
    for frame in np.unique(labels.frame_index).tolist():
        for label, row in _on(tracks, labels, frame):
            if labels.person[label] != "?":
                pairs[labels.person[label], int(tracks.person_id[row])] += 1
    people = sorted({person for person in labels.person if person != "?"})
    tracked = sorted({person for _, person in pairs})
    counts = np.array([[pairs[a, b] for b in tracked] for a in people], np.int64)
    matched = counts[linear_sum_assignment(-counts)].sum() if counts.size else 0
    labelled = sum(person != "?" for person in labels.person)
    return BodyScore(labelled, matched / labelled, (counts.sum() - matched) / labelled)


def _on(tracks: Tracks, labels: BodyLabels, frame: int) -> list[tuple[int, int]]:
    """Return the label and the row of each row of a frame that is on a body, one to one."""
    rows = np.arange(*np.searchsorted(tracks.frame_index, [frame, frame + 1]))
    rows = rows[tracks.person_id[rows] != UNKNOWN]
    found = np.flatnonzero(labels.frame_index == frame)
    bodies = labels.xyxy[found]
    overlap = np.nan_to_num(iou(bodies, tracks.body_xyxy[rows]))
    height = np.where(labels.detected[found], 0.5, 1.0) * (bodies[:, 3] - bodies[:, 1])
    face = centres(tracks.xyxy[rows])[None]
    inside = (face >= bodies[:, None, :2]) & (face[..., :1] <= bodies[:, None, 2:3])
    aside = np.abs(face[..., 0] - centres(bodies)[:, None, 0])
    head = inside.all(axis=2) & (face[..., 1] <= bodies[:, None, 1] + height[:, None])
    nearness = 1 / (1 + aside / np.maximum(bodies[:, 2] - bodies[:, 0], 1)[:, None])
    value = np.where(overlap >= MIN_IOU, 1 + overlap, np.where(head, nearness, 0))
    best = zip(*linear_sum_assignment(-value), strict=True)
    return [(int(found[i]), int(rows[j])) for i, j in best if value[i, j] > 0]
