"""How right tracks are, held against labels: identity, switches, coverage, false rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.tables import Table
from data.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Labels(Table):
    """Who really is where in one footage, one row a face."""

    frame_index: NDArray[np.int64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4) px
    person_id: NDArray[np.int64]  # (n,) -1: somebody is here, but it does not count who


@dataclass(frozen=True, slots=True)
class Score:
    """What `evaluate` counts; see there. Scores of several footages can be added."""

    labelled: int
    rows: int
    idtp: int
    switches: int
    right: int
    wrong: int
    false: int


def evaluate(
    tracks: Tracks, labels: Labels, *, min_iou: float, exhaustive: bool, min_confidence: float = 0.0
) -> Score:
    """Hold ``tracks`` against ``labels``."""
    raise NotImplementedError
