"""Read who really is where: the truth of a drawn film, or labels made by eye."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from tracking.evaluation.metrics import GroundTruth

UNDECIDED = "?"
MOSTLY_SEEN = 0.5
"""A drawn face of which less is seen does not count: nobody would have labelled it."""

DRAWN_MIN_IOU = 0.5
LABELS_MIN_IOU = 0.25
"""Boxes of labels are another detector's, which draws them taller."""

_SIDES = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True, eq=False)
class LabelFile:
    """What one file says, and how far it can be relied on."""

    labels: GroundTruth
    names: dict[int, str]
    min_iou: float  # from this overlap on a box is on a face
    exhaustive: bool  # every face is labelled


def read_label_file(path: Path) -> LabelFile:
    """Read a CSV with the columns frame_index, x1, y1, x2, y2, person, in any order.

    With a column ``visible`` (0..1), as beside a drawn film, it is taken for exact and complete;
    faces of which less than MOSTLY_SEEN is visible do not count, nor do those of person ``?``.

    Raises:
        InputError: the file cannot be read, or is of another form.
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
        message = f"needs the columns frame_index, {', '.join(_SIDES)}, person"
        raise InputError(f"{path}: not a CSV of labels ({error}): it {message}") from error


def _from_rows(rows: list[dict[str, str]]) -> LabelFile:
    drawn = bool(rows) and "visible" in rows[0]
    boxes = [[float(row[side]) for side in _SIDES] for row in rows]
    names = sorted({row["person"] for row in rows} - {UNDECIDED})
    number = {name: i for i, name in enumerate(names, start=1)} | {UNDECIDED: UNKNOWN}
    seen = [not drawn or float(row["visible"]) >= MOSTLY_SEEN for row in rows]
    people = [number[row["person"]] if s else UNKNOWN for row, s in zip(rows, seen, strict=True)]
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
