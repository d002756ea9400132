"""The smiles table: smile scores of each person in the sampled frames of one footage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.core.table import Column, Table


@dataclass(frozen=True, eq=False)
class Smiles(Table):
    """Scored faces of one footage, ordered by frame, then by person."""

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    time_s: NDArray[np.float64]  # (n,) presentation time, 0 for the first frame
    person_id: NDArray[np.int64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4) px of the full frame, like dlib's face boxes
    smile: NDArray[np.float32]  # (n,) 0..1, averaged over neighbouring samples
    smile_alone: NDArray[np.float32]  # (n,) 0..1, of this sample only
    sharpness: NDArray[np.float32]  # (n,) 0 is blurred; see cropping.expressions.patch
    turn: NDArray[np.float32]  # (n,) 0 frontal, 1 with the nose below an eye; NaN unknown
    eyes_open: NDArray[np.float32]  # (n,) ratio of the eyes' height to width; NaN unknown

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "time_s": (np.float64, ()),
        "person_id": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "smile": (np.float32, ()),
        "smile_alone": (np.float32, ()),
        "sharpness": (np.float32, ()),
        "turn": (np.float32, ()),
        "eyes_open": (np.float32, ()),
    }
