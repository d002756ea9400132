"""Footage with the person of each face: the input of the people folder and the dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.tables.faces import Faces, Frames


@dataclass(frozen=True, eq=False)
class LabelledFootage:
    """The sampled frames of a footage, their faces, and the person of each face.

    Raises:
        ValueError: ``person_id`` and ``faces`` differ in length, or a face has no frame.
    """

    name: str  # unique in the project
    frames: Frames
    faces: Faces
    person_id: NDArray[np.int64]  # (n,) person of each face; -1 unknown

    def __post_init__(self) -> None:
        if self.person_id.shape != (len(self.faces),):
            expected, actual = (len(self.faces),), self.person_id.shape
            raise ValueError(f"person_id must have shape {expected}, got {actual}")
        if not np.isin(self.faces.frame_index, self.frames.frame_index).all():
            raise ValueError(f"{self.name}: every face must be in one of the frames")

    def frame_rows(self) -> NDArray[np.int64]:
        """Return the row in ``frames`` of each face, ``(n,)``."""
        return np.searchsorted(self.frames.frame_index, self.faces.frame_index).astype(np.int64)


def numbers_in_frame(frame_index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the faces of each frame from 0, in row order.

    Args:
        frame_index: ``(n,)`` frame of each face, in any order.

    Returns:
        ``(n,)`` number of each face in its frame.
    """
    order = np.argsort(frame_index, kind="stable")
    ordered = frame_index[order]
    numbers = np.empty(len(frame_index), np.int64)
    numbers[order] = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    return numbers
