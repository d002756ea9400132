"""Which moments of a person's smiles are shown: the best, and never nine neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.smiles.settings import SmileSettings
from cropping.smiles.table import Smiles, is_smiling, log_odds
from data.core.boxes import sizes_wh

# Moments are as far apart as the footage allows: the first of these that gives enough.
_APART_S: Final = (8.0, 4.0, 2.0, 1.0, 0.5)
BURST_S: Final = 1.2
"""A burst is so much of a smile."""
LEAST_MOMENTS: Final = 3
"""Fewer different moments are too few smiles for a GIF."""
_MOMENTS_A_BURST: Final = 3  # one burst replaces this many moments

_BEST: Final = 90  # percentile of a person's own smiles that counts as a full one
_OPEN: Final = 75  # percentile of how far a person's own eyes are open that is usual
_LEAST_WORTH: Final = 0.35  # of the best moment's: the others need not be shown at any price
_SHARP: Final = 0.5  # see face_sharpness; more is not seen
_LARGE_PX: Final = 80
_ASIDE: Final = (0.25, 1.2)  # a turn that costs nothing, and one that is not shown
_SHUT: Final = (0.65, 0.9)  # of how far the eyes are usually open: closed, and open


def smile_quality(smiles: Smiles) -> NDArray[np.float64]:
    """Return how fit each face of one person is to be shown, ``(n,)``.

    It is 0 where they do not smile, or not towards the camera, or where that is not known. Else
    smiling as much as they do, sharp, large, turned to the camera, with open eyes all count.
    """
    smiling = is_smiling(smiles) & ~np.isnan(smiles.turn)
    if not smiling.any():
        return np.zeros(len(smiles))
    strength = np.minimum(log_odds(smiles.smile), log_odds(smiles.smile_alone))
    full = max(float(np.percentile(strength[smiling], _BEST)), 1e-6)
    surely = np.clip(strength / full, 0, 1) ** 1.5
    sharp = np.clip(smiles.sharpness / _SHARP, 0.1, 1)
    large = np.clip(sizes_wh(smiles.xyxy).min(axis=1) / _LARGE_PX, 0.2, 1)
    ahead = np.clip((_ASIDE[1] - smiles.turn) / (_ASIDE[1] - _ASIDE[0]), 0, 1)
    worth = surely * np.sqrt(sharp * large) * ahead * _eyes(smiles)
    return np.where(smiling, worth, 0).astype(np.float64)


def _eyes(smiles: Smiles) -> NDArray[np.float64]:
    """How far one person's eyes are open, for them, ``(n,)``; 1 where nothing is known."""
    known = ~np.isnan(smiles.eyes_open)
    if not known.any():
        return np.ones(len(smiles))
    usual = max(float(np.percentile(smiles.eyes_open[known], _OPEN)), 1e-6)
    share = np.where(known, smiles.eyes_open, 0) / usual
    return np.asarray(np.clip((share - _SHUT[0]) / (_SHUT[1] - _SHUT[0]), 0.2, 1))


def choose_moments(smiles: Smiles, count: int, *, least_apart_s: float = 0.0) -> NDArray[np.int64]:
    """Return the rows of the best moments of one person's smiles, in order of time.

    Args:
        smiles: of one person, in order of time.
        count: how many, at most.
        least_apart_s: seconds between two of them, at least.
    """
    worth = smile_quality(smiles)
    worth[worth < _LEAST_WORTH * worth.max(initial=0)] = 0
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
    smiling = is_smiling(smiles)
    near = np.abs(smiles.time_s - smiles.time_s[peak]) <= BURST_S / 2
    first = last = peak
    while first > 0 and smiling[first - 1] and near[first - 1]:
        first -= 1
    while last + 1 < len(smiles) and smiling[last + 1] and near[last + 1]:
        last += 1
    return np.arange(first, last + 1)


@dataclass(frozen=True, slots=True, eq=False)
class PersonSelection:
    """The smiles to show of one person.

    Args:
        person_id: whose they are.
        moments: different moments, or bursts; too few where ``rows`` is empty.
        rows: ``(k,)`` rows of the smiles table, rising, for each square of the camera.
    """

    person_id: int
    moments: int
    rows: tuple[NDArray[np.int64], ...]

    @property
    def every(self) -> NDArray[np.int64]:
        """All rows, ``(n,)``, in the order they are shown."""
        return np.concatenate([*self.rows, np.zeros(0, np.int64)])


def select_smiles(smiles: Smiles, person_id: int, settings: SmileSettings) -> PersonSelection:
    """Choose the smiles to show of one person: single moments, or bursts of several frames each."""
    rows = np.flatnonzero(smiles.person_id == person_id)
    own = smiles.take(rows)
    moments = choose_moments(own, settings.frames)
    if len(moments) < min(LEAST_MOMENTS, settings.frames):
        return PersonSelection(person_id, len(moments), ())
    if settings.style == "moments":
        shown = tuple(rows[[moment]] for moment in moments)
        return PersonSelection(person_id, len(moments), shown)
    bursts = choose_bursts(own, max(settings.frames // _MOMENTS_A_BURST, 1))
    return PersonSelection(person_id, len(bursts), tuple(rows[burst] for burst in bursts))
