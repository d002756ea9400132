"""Short tables of smiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.tables.smiles import Smiles


def smiles(
    score: Sequence[float],
    *,
    person: int = 1,
    step_s: float = 0.1,
    sharpness: float = 1.0,
    turn: float = 0.0,
    eyes_open: float = 0.3,
    side_px: float = 100,
) -> Smiles:
    """Return rows of one person, ``step_s`` apart, with the face always in one place."""
    n = len(score)
    values = np.array(score, np.float32)
    return Smiles(
        frame_index=np.arange(n, dtype=np.int64),
        time_s=np.arange(n, dtype=np.float64) * step_s,
        person_id=np.full(n, person, np.int64),
        xyxy=np.tile(np.array([10, 10, 10 + side_px, 10 + side_px], np.float32), (n, 1)),
        smile=values,
        smile_alone=values.copy(),
        sharpness=np.full(n, sharpness, np.float32),
        turn=np.full(n, turn, np.float32),
        eyes_open=np.full(n, eyes_open, np.float32),
    )
