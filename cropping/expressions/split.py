"""Which faces are trained on, and which are kept to choose by and to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.labelled_faces import LabelledFaces
from data.core.digest import digest
from data.core.errors import InputError

TEST_SHARE: Final = 0.15
VAL_SHARE: Final = 0.10


@dataclass(frozen=True, eq=False)
class FaceSplit:
    """Rows of a set of faces; every face is in one of the three."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]  # the best epoch and the calibration are chosen by it
    test: NDArray[np.int64]  # only judges
    by_subject: bool  # nobody in train is in val or test, nobody in val is in test
    without_subject: int  # faces in train of which nobody said whose they are


def split_faces(faces: LabelledFaces) -> FaceSplit:
    """Split by subject: the same faces give the same split, in whatever order they come.

    Faces without a subject are trained on only, since they may be anybody's. Where no face has a
    subject, each stands for itself: then somebody may be in all three.

    Raises:
        InputError: too few people, or faces, for all three to show every class.
    """
    known = faces.subject != ""
    by_subject = bool(known.any())
    group = faces.subject if by_subject else np.array(faces.names, np.str_)
    rows = np.flatnonzero(known) if by_subject else np.arange(len(faces))
    part = np.zeros(len(faces), np.int64)
    part[rows] = _parts(group[rows])
    split = FaceSplit(
        train=np.flatnonzero(part == 0),
        val=np.flatnonzero(part == 1),
        test=np.flatnonzero(part == 2),
        by_subject=by_subject,
        without_subject=int((~known).sum()) if by_subject else 0,
    )
    _check(faces, split)
    return split


def _parts(group: NDArray[np.str_]) -> NDArray[np.int64]:
    """0 train, 1 val, 2 test of each face, ``(n,)``: whole groups, in the order of their hashes."""
    names, inverse, counts = np.unique(group, return_inverse=True, return_counts=True)
    order = np.array(sorted(range(len(names)), key=lambda i: digest(str(names[i]))), np.int64)
    # Who has more faces than a part should have is trained on; else a group is where its middle is.
    small = order[counts[order] <= VAL_SHARE * counts.sum()]
    order = np.concatenate([small, np.setdiff1d(order, small)])
    middle = np.cumsum(counts[order]) - counts[order] / 2
    place = middle / max(int(counts.sum()), 1)
    part = np.zeros(len(names), np.int64)
    part[order] = np.where(place < TEST_SHARE, 2, np.where(place < TEST_SHARE + VAL_SHARE, 1, 0))
    return part[inverse]


def _check(faces: LabelledFaces, split: FaceSplit) -> None:
    parts = {"train on": split.train, "choose by": split.val, "judge by": split.test}
    for purpose, rows in parts.items():
        missing = set(range(len(faces.classes))) - set(faces.label[rows].tolist())
        if missing:
            of = "people" if split.by_subject else "faces"
            name = faces.classes[min(missing)]
            raise InputError(f'too few {of} show "{name}" to have some to {purpose}; give more')
