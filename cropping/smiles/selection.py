"""Select the best moments of a person's smiles: sharp, sure, and spread over the footage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.smiles.settings import SmileSettings
from cropping.smiles.table import is_smiling, log_odds
from data.core.boxes import sizes_wh
from data.tables.smiles import Smiles

# Candidate gaps between moments; the largest one that leaves enough moments is used.
_GAPS_S: Final = (8.0, 4.0, 2.0, 1.0, 0.5)
BURST_S: Final = 1.2
"""Length of a burst in seconds."""
MIN_MOMENTS: Final = 3
"""Minimum number of distinct moments for a GIF."""
_MOMENTS_PER_BURST: Final = 3  # number of moments that one burst replaces

_FULL_SMILE: Final = 90  # percentile of a person's smiles
_TYPICAL_OPENNESS: Final = 75  # percentile of a person's eye openness
_SURE: Final = 0.7
"""Probability above which a smile is shown: some faces that scream, eat or talk score above
`SMILING`, but on real clips below this."""
_BLURRED: Final = 0.7  # of a person's typical sharpness; a face below it is blurred
_MIN_QUALITY: Final = 0.35  # relative to the best moment
_FULL_SHARPNESS: Final = 0.5  # of `face_sharpness`; higher values look the same
_FULL_SIZE_PX: Final = 80
_TURN: Final = (0.25, 1.2)  # `Smiles.turn` at which the quality begins to fall, and reaches 0
_OPENNESS: Final = (0.65, 0.9)  # closed and fully open eyes, relative to the typical openness


def smile_quality(smiles: Smiles) -> NDArray[np.float64]:
    """Return the quality of each face of one person, ``(n,)`` 0..1.

    The quality is 0 if the smile is not sure, if the face is blurred or turned away, or if its turn
    is unknown. Otherwise it combines the smile, relative to the person's own smiles, with
    sharpness, size, gaze and open eyes.
    """
    smiling = is_smiling(smiles) & ~np.isnan(smiles.turn)
    if not smiling.any():
        return np.zeros(len(smiles))
    weakest = np.minimum(smiles.smile, smiles.smile_alone)
    strength = log_odds(weakest)
    full = max(float(np.percentile(strength[smiling], _FULL_SMILE)), 1e-6)
    certainty = np.clip(strength / full, 0, 1) ** 1.5
    sharp = np.clip(smiles.sharpness / _FULL_SHARPNESS, 0.1, 1)
    large = np.clip(sizes_wh(smiles.xyxy).min(axis=1) / _FULL_SIZE_PX, 0.2, 1)
    frontal = np.clip((_TURN[1] - smiles.turn) / (_TURN[1] - _TURN[0]), 0, 1)
    quality = certainty * np.sqrt(sharp * large) * frontal * _eyes(smiles)
    shown = smiling & (weakest >= _SURE) & ~is_blurred(smiles)
    return np.where(shown, quality, 0).astype(np.float64)


def is_blurred(smiles: Smiles) -> NDArray[np.bool_]:
    """Return the mask of the blurred rows of one person, ``(n,)``.

    Sharpness depends on the footage and on the face, so it is compared with the person's median.
    """
    typical = float(np.median(smiles.sharpness)) if len(smiles) else 0.0
    return np.asarray(smiles.sharpness < _BLURRED * typical)


def _eyes(smiles: Smiles) -> NDArray[np.float64]:
    """Return the eye openness relative to the person's typical one, ``(n,)`` 0..1."""
    known = ~np.isnan(smiles.eyes_open)
    if not known.any():
        return np.ones(len(smiles))
    typical = max(float(np.percentile(smiles.eyes_open[known], _TYPICAL_OPENNESS)), 1e-6)
    relative = np.where(known, smiles.eyes_open, 0) / typical
    return np.asarray(np.clip((relative - _OPENNESS[0]) / (_OPENNESS[1] - _OPENNESS[0]), 0.2, 1))


def choose_moments(smiles: Smiles, count: int, *, min_gap_s: float = 0.0) -> NDArray[np.int64]:
    """Return the row indices of one person's best smiles, ``(m,)``, in chronological order.

    Args:
        smiles: rows of one person, in chronological order.
        count: maximum number of moments.
        min_gap_s: minimum gap between two moments in seconds.
    """
    quality = smile_quality(smiles)
    quality[quality < _MIN_QUALITY * quality.max(initial=0)] = 0
    chosen = np.zeros(0, np.int64)
    for gap_s in _GAPS_S:
        rows = _best_with_gap(smiles.time_s, quality, count, max(gap_s, min_gap_s))
        if len(rows) > len(chosen):
            chosen = rows
        if len(chosen) >= count:
            break
    return np.sort(chosen)


def _best_with_gap(
    time_s: NDArray[np.float64], quality: NDArray[np.float64], count: int, gap_s: float
) -> NDArray[np.int64]:
    """Return the best rows, ``(m,)``, chosen greedily at least ``gap_s`` apart.

    Args:
        time_s: ``(n,)`` presentation times in seconds.
        quality: ``(n,)`` 0..1.
        count: maximum number of rows.
        gap_s: minimum gap between two rows in seconds.
    """
    remaining = quality.copy()
    picked: list[int] = []
    while len(picked) < count and remaining.max(initial=0) > 0:
        best = int(remaining.argmax())
        picked.append(best)
        remaining[np.abs(time_s - time_s[best]) < gap_s] = 0
    return np.array(picked, np.int64)


def choose_bursts(smiles: Smiles, count: int) -> list[NDArray[np.int64]]:
    """Return the row indices of each burst around the best smiles, ``(m,)``, chronologically.

    Args:
        smiles: rows of one person, in chronological order.
        count: maximum number of bursts.
    """
    peaks = choose_moments(smiles, count, min_gap_s=BURST_S)
    return [_burst(smiles, int(peak)) for peak in peaks]


def _burst(smiles: Smiles, peak: int) -> NDArray[np.int64]:
    """Return the indices of the sharp, smiling rows around a peak, ``(m,)``."""
    smiling = is_smiling(smiles) & ~is_blurred(smiles)
    near = np.abs(smiles.time_s - smiles.time_s[peak]) <= BURST_S / 2
    first = last = peak
    while first > 0 and smiling[first - 1] and near[first - 1]:
        first -= 1
    while last + 1 < len(smiles) and smiling[last + 1] and near[last + 1]:
        last += 1
    return np.arange(first, last + 1)


@dataclass(frozen=True, slots=True, eq=False)
class PersonSelection:
    """Smiles selected for one person's GIF.

    Args:
        person_id: id of the person.
        moments: number of different moments or bursts, too few for a GIF if ``rows`` is empty.
        rows: for each moment or burst, ``(k,)`` row indices in the smiles table, increasing.
    """

    person_id: int
    moments: int
    rows: tuple[NDArray[np.int64], ...]

    @property
    def all_rows(self) -> NDArray[np.int64]:
        """Row indices of all pictures, ``(n,)``, in display order."""
        return np.concatenate([*self.rows, np.zeros(0, np.int64)])


def needed_moments(settings: SmileSettings) -> int:
    """Return the number of different smiles that a file needs."""
    return min(MIN_MOMENTS, settings.frames)


def select_smiles(smiles: Smiles, person_id: int, settings: SmileSettings) -> PersonSelection:
    """Select the smiles for one person's GIF, as single moments or as bursts of frames."""
    rows = np.flatnonzero(smiles.person_id == person_id)
    own = smiles.take(rows)
    moments = choose_moments(own, settings.frames)
    if len(moments) < needed_moments(settings):
        return PersonSelection(person_id, len(moments), ())
    if settings.style == "moments":
        shown = tuple(rows[[moment]] for moment in moments)
        return PersonSelection(person_id, len(moments), shown)
    bursts = choose_bursts(own, max(settings.frames // _MOMENTS_PER_BURST, 1))
    return PersonSelection(person_id, len(bursts), tuple(rows[burst] for burst in bursts))
