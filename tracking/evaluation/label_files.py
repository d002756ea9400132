"""Read the labels of a footage: ground truth of a drawn film, or manual labels."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from tracking.evaluation.metrics import GroundTruth

UNDECIDED = "?"
MIN_VISIBLE = 0.5
"""Minimum visible share of a drawn face that counts: an annotator would not label a lower one."""

DRAWN_MIN_IOU = 0.5
LABELS_MIN_IOU = 0.25
"""Lower, because the boxes of manual labels come from another detector and are taller."""

_SIDES = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True, eq=False)
class LabelFile:
    """Labels of one file, and the settings for scoring against them."""

    labels: GroundTruth
    names: dict[int, str]  # by person id in ``labels``
    min_iou: float  # minimum IoU for a box to match a face
    exhaustive: bool  # whether every face is labelled


def read_label_file(path: Path) -> LabelFile:
    """Read a CSV with the columns frame_index, x1, y1, x2, y2, person, in any order.

    A column ``visible`` (0..1) marks the exact and complete ground truth of a drawn film. Faces
    less visible than MIN_VISIBLE, and faces of person ``?``, do not count.

    Raises:
        InputError: the file is unreadable, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        return _from_rows(rows)
    except OSError as error:
        raise InputError(
            f"{path}: not readable ({error.strerror}); give a CSV of labels"
        ) from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        message = f"give one with the columns frame_index, {', '.join(_SIDES)}, person"
        raise InputError(f"{path}: not a CSV of labels ({error}); {message}") from error


def _from_rows(rows: list[dict[str, str]]) -> LabelFile:
    drawn = bool(rows) and "visible" in rows[0]
    boxes = [[float(row[side]) for side in _SIDES] for row in rows]
    names = sorted({row["person"] for row in rows} - {UNDECIDED})
    number = {name: i for i, name in enumerate(names, start=1)} | {UNDECIDED: UNKNOWN}
    counts = [not drawn or float(row["visible"]) >= MIN_VISIBLE for row in rows]
    people = [number[row["person"]] if c else UNKNOWN for row, c in zip(rows, counts, strict=True)]
    return LabelFile(
        labels=GroundTruth(
            frame_index=np.array([int(row["frame_index"]) for row in rows], np.int64),
            xyxy=np.array(boxes, np.float32).reshape(-1, 4),
            person_id=np.array(people, np.int64),
        ),
        names=dict(enumerate(names, start=1)),
        min_iou=DRAWN_MIN_IOU if drawn else LABELS_MIN_IOU,
        exhaustive=drawn,
    )
