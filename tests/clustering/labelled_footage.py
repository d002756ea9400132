"""Small synthetic labelled footage for tests of the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from clustering.faces.labelled import LabelledFootage
from data.core.table import Table
from data.tables.faces import Faces, Frames

T = TypeVar("T", bound=Table)

FRAME_WH = (64, 48)
BOXES = ((4, 4, 12, 14), (20, 4, 28, 14), (36, 4, 44, 14), (52, 4, 60, 14))
"""Default boxes of the first, second, ... face of a frame."""


def table(cls: type[T], rows: int, **columns: Any) -> T:
    """Return a table of zeros, except for ``columns``."""
    values = {n: np.zeros((rows, *shape), dtype) for n, (dtype, shape) in cls.COLUMNS.items()}
    for name, column in columns.items():
        dtype, shape = cls.COLUMNS[name]
        values[name] = np.broadcast_to(np.asarray(column, dtype), (rows, *shape)).copy()
    return cls(**values)


def footage(
    people: Sequence[Sequence[int]],
    *,
    name: str = "a",
    every_s: float = 1.0,
    shots: Sequence[int] | None = None,
    boxes: Mapping[tuple[int, int], Sequence[float]] | None = None,
) -> LabelledFootage:
    """Return footage whose frames show these people, from left to right.

    Args:
        people: person ids of each frame.
        name: name of the footage.
        every_s: interval between frames; frames are numbered 0, 5, 10, ...
        shots: shot of each frame; by default all are in one shot.
        boxes: boxes that differ from the default, by frame and number of the face.
    """
    where = [(frame, number) for frame, row in enumerate(people) for number in range(len(row))]
    times = np.arange(len(people)) * every_s
    shot = np.array(shots if shots is not None else [0] * len(people), np.int32)
    frame_of = np.array([frame for frame, _ in where], np.int64)
    xyxy = [(boxes or {}).get(place, BOXES[place[1]]) for place in where]
    frames = table(
        Frames,
        len(people),
        frame_index=np.arange(len(people)) * 5,
        time_s=times,
        frame_wh=FRAME_WH,
        shot=shot,
    )
    faces = table(
        Faces,
        len(where),
        frame_index=frame_of * 5,
        time_s=times[frame_of],
        xyxy=np.array(xyxy, np.float32).reshape(-1, 4),
        score=1,
        sharpness=0.5,
        shot=shot[frame_of],
    )
    person_id = np.array([person for row in people for person in row], np.int64)
    return LabelledFootage(name, frames, faces, person_id)
