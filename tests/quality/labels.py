"""Labels of the faces in a clip, made by hand or taken from a drawn film."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.sample.truth import Truth
from data.tables.faces import Faces
from tests.quality.metrics import match_boxes

UNDECIDED = "?"
NOT_SCORED = -1
MOSTLY_SEEN = 0.5
"""Smallest visible share of a drawn face that counts, as in manual labelling."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labelled faces of a clip, one row per face."""

    frame_index: NDArray[np.int64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4)
    person: NDArray[np.str_]  # (n,) '?' where undecided

    def of_frames(self, frame_index: NDArray[np.int64]) -> Labels:
        """Return the rows of these frames."""
        rows = np.isin(self.frame_index, frame_index)
        return Labels(self.frame_index[rows], self.xyxy[rows], self.person[rows])

    @property
    def people(self) -> list[str]:
        """Return the names of all decided people, sorted."""
        return sorted(set(self.person.tolist()) - {UNDECIDED})

    @property
    def decided(self) -> int:
        """Return the number of faces whose person is decided."""
        return int((self.person != UNDECIDED).sum())


def read_labels(path: Path) -> Labels:
    """Read one CSV of ../shared/footage/labels (see its README)."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    boxes = [[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows]
    return Labels(
        np.array([int(row["frame_index"]) for row in rows], np.int64),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([row["person"] for row in rows], np.str_),
    )


def drawn_labels(truth: Truth) -> Labels:
    """Return the faces of a drawn film; a mostly hidden one is undecided."""
    person = np.where(truth.visible >= MOSTLY_SEEN, truth.person, UNDECIDED)
    return Labels(truth.frame_index, truth.xyxy, person)


def persons_of(faces: Faces, labels: Labels) -> NDArray[np.int64]:
    """Return the row in ``labels.people`` of each face, ``(n,)``; -1 without a decided label."""
    number = {name: i for i, name in enumerate(labels.people)} | {UNDECIDED: NOT_SCORED}
    persons = np.full(len(faces), NOT_SCORED, np.int64)
    for frame in np.unique(faces.frame_index):
        rows = np.flatnonzero(faces.frame_index == frame)
        there = labels.of_frames(frame[None])
        match = match_boxes(faces.xyxy[rows], there.xyxy)
        for row, label in zip(rows[match >= 0], match[match >= 0], strict=True):
            persons[row] = number[str(there.person[label])]
    return persons


def missed_persons(persons: NDArray[np.int64], labels: Labels) -> NDArray[np.int64]:
    """Return the row in ``labels.people`` of each labelled face that was not found, ``(m,)``.

    Args:
        persons: rows of the found faces, as `persons_of` returns them.
        labels: labels of the same frames.
    """
    people = labels.people
    labelled = np.array([(labels.person == name).sum() for name in people], np.int64)
    found = np.bincount(persons[persons != NOT_SCORED], minlength=len(people))
    return np.repeat(np.arange(len(people)), labelled - found)
