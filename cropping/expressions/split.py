"""Split labelled faces into training, validation and test parts, by person."""

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
    """Row indices of the three disjoint parts of a set of faces."""

    train: NDArray[np.int64]  # (n_train,)
    val: NDArray[np.int64]  # (n_val,) selects the best epoch and the temperature
    test: NDArray[np.int64]  # (n_test,) for the metrics only
    by_subject: bool  # no person is in two parts
    without_subject: int  # training faces without a known subject


def split_faces(faces: LabelledFaces) -> FaceSplit:
    """Split faces by subject, independently of their order.

    Faces without a subject go to the training part, since they may show any person. If no face has
    a subject, faces are split individually, and a person may be in all three parts.

    Raises:
        InputError: there are too few people or faces to have all classes in all parts.
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
    """Return the part of each face, ``(n,)``: 0 train, 1 val, 2 test. Groups are not divided.

    Groups are ordered by the hash of their names.
    """
    names, inverse, counts = np.unique(group, return_inverse=True, return_counts=True)
    order = np.array(sorted(range(len(names)), key=lambda i: digest(str(names[i]))), np.int64)
    # Groups larger than the validation part go to training, others to the part of their middle
    # face.
    small = order[counts[order] <= VAL_SHARE * counts.sum()]
    order = np.concatenate([small, np.setdiff1d(order, small)])
    middle = np.cumsum(counts[order]) - counts[order] / 2
    rank = middle / max(int(counts.sum()), 1)
    part = np.zeros(len(names), np.int64)
    part[order] = np.where(rank < TEST_SHARE, 2, np.where(rank < TEST_SHARE + VAL_SHARE, 1, 0))
    return part[inverse]


def _check(faces: LabelledFaces, split: FaceSplit) -> None:
    parts = {"training": split.train, "validation": split.val, "test": split.test}
    for part, rows in parts.items():
        missing = set(range(len(faces.classes))) - set(faces.label[rows].tolist())
        if missing:
            units = "people" if split.by_subject else "faces"
            name = faces.classes[min(missing)]
            message = f'too few {units} with the class "{name}" for the {part} part; give more'
            raise InputError(message)
