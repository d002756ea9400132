"""Which moments of a person's smiles are shown: the best, and never nine neighbours."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.smiles import SMILING, Smiles
from data.boxes import sizes_wh

# Moments are as far apart as the footage allows: the first of these that gives enough.
_APART_S: Final = (8.0, 4.0, 2.0, 1.0, 0.5)
BURST_S: Final = 1.2
"""A burst is so much of a smile."""
LEAST_MOMENTS: Final = 3
"""Fewer different moments are too few smiles for a GIF."""

_SURE: Final = 0.75  # score of a smile that anybody would call one
_SHARP: Final = 0.5  # see face_sharpness; more is not seen
_LARGE_PX: Final = 80
_ASIDE: Final = (0.25, 0.8)  # a turn that costs nothing, and one that costs most
_SHUT: Final = (0.12, 0.22)  # of the eyes: closed, and open as in a smile


def smile_worth(smiles: Smiles) -> NDArray[np.float64]:
    """Return how fit each face is to be shown, ``(n,)``; 0 where it does not smile.

    Smiling surely, sharp, large, turned to the camera, with open eyes; all of that counts, and
    what is not known counts half.
    """
    surely = np.clip(smiles.smile / _SURE, 0, 1) ** 2 * np.clip(smiles.smile_alone / _SURE, 0, 1)
    sharp = np.clip(smiles.sharpness / _SHARP, 0.1, 1)
    large = np.clip(sizes_wh(smiles.xyxy).min(axis=1) / _LARGE_PX, 0.2, 1)
    aside = np.clip((_ASIDE[1] - smiles.turn) / (_ASIDE[1] - _ASIDE[0]), 0.1, 1)
    eyes = np.clip((smiles.eyes_open - _SHUT[0]) / (_SHUT[1] - _SHUT[0]), 0.2, 1)
    known = [np.where(np.isnan(value), 0.5, value) for value in (aside, eyes)]
    smiling = np.minimum(smiles.smile, smiles.smile_alone) > SMILING
    worth = surely * np.sqrt(sharp * large) * known[0] * known[1]
    return np.where(smiling, worth, 0).astype(np.float64)


def choose_moments(smiles: Smiles, count: int, *, least_apart_s: float = 0.0) -> NDArray[np.int64]:
    """Return the rows of the best moments of one person's smiles, in order of time.

    Args:
        smiles: of one person, in order of time.
        count: how many, at most.
        least_apart_s: seconds between two of them, at least.
    """
    worth = smile_worth(smiles)
    chosen = np.zeros(0, np.int64)
    for apart_s in _APART_S:
        found = _best_apart(smiles.time_s, worth, count, max(apart_s, least_apart_s))
        if len(found) > len(chosen):
            chosen = found
        if len(chosen) >= count:
            break
    return np.sort(chosen)


def _best_apart(
    time_s: NDArray[np.float64], worth: NDArray[np.float64], count: int, apart_s: float
) -> NDArray[np.int64]:
    """Again and again the best row that is not near one taken."""
    left = worth.copy()
    taken: list[int] = []
    while len(taken) < count and left.max(initial=0) > 0:
        best = int(left.argmax())
        taken.append(best)
        left[np.abs(time_s - time_s[best]) < apart_s] = 0
    return np.array(taken, np.int64)


def choose_bursts(smiles: Smiles, count: int) -> list[NDArray[np.int64]]:
    """Return the rows of each of the best smiles, some looks long, in order of time.

    Args:
        smiles: of one person, in order of time.
        count: how many bursts, at most.
    """
    peaks = choose_moments(smiles, count, least_apart_s=BURST_S)
    return [_burst(smiles, int(peak)) for peak in peaks]


def _burst(smiles: Smiles, peak: int) -> NDArray[np.int64]:
    """The rows around a peak that all smile."""
    smiling = smiles.smile > SMILING
    near = np.abs(smiles.time_s - smiles.time_s[peak]) <= BURST_S / 2
    first = last = peak
    while first > 0 and smiling[first - 1] and near[first - 1]:
        first -= 1
    while last + 1 < len(smiles) and smiling[last + 1] and near[last + 1]:
        last += 1
    return np.arange(first, last + 1)
