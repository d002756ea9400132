"""Small labelled footage, made up, for the tests of what is written from it."""

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
"""Where the first, second, ... face of a frame is."""


def table(cls: type[T], rows: int, **columns: Any) -> T:
    """Return a table of zeros but for ``columns``."""
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
    """Return footage from whom each frame shows, from left to right.

    Args:
        people: person ids of each frame.
        name: of the footage.
        every_s: from frame to frame; frames are numbered 0, 5, 10, ...
        shots: of each frame; one shot for all where not given.
        boxes: of single faces, by frame and number, where they are not in their usual place.
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
