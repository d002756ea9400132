"""Select the best moments of a person's smiles, spread over the footage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.smiles.settings import SmileSettings
from cropping.smiles.table import is_smiling, log_odds
from data.core.boxes import sizes_wh
from data.tables.smiles import Smiles

# Spacings between moments; the largest that leaves enough moments is used.
_APART_S: Final = (8.0, 4.0, 2.0, 1.0, 0.5)
BURST_S: Final = 1.2
"""Length of a burst."""
LEAST_MOMENTS: Final = 3
"""Least number of distinct moments for a GIF."""
_MOMENTS_A_BURST: Final = 3  # one burst replaces this many moments

_FULL: Final = 90  # percentile of a person's smiles that counts as a full smile
_USUAL_OPEN: Final = 75  # percentile of a person's eye openness that counts as usual
_LEAST_QUALITY: Final = 0.35  # of the best moment's quality; worse moments are not shown
_SHARP: Final = 0.5  # of face_sharpness; more makes no visible difference
_LARGE_PX: Final = 80
_TURN: Final = (0.25, 1.2)  # turns with full and with no quality
_OPENNESS: Final = (0.65, 0.9)  # closed and open eyes, relative to the usual openness


def smile_quality(smiles: Smiles) -> NDArray[np.float64]:
    """Return the quality 0..1 of each face of one person, ``(n,)``.

    It is 0 without a smile, without a face towards the camera, or where the gaze is unknown. Else
    it combines the strength of the smile relative to the person's own, sharpness, size, gaze and
    open eyes.
    """
    smiling = is_smiling(smiles) & ~np.isnan(smiles.turn)
    if not smiling.any():
        return np.zeros(len(smiles))
    strength = np.minimum(log_odds(smiles.smile), log_odds(smiles.smile_alone))
    full = max(float(np.percentile(strength[smiling], _FULL)), 1e-6)
    certainty = np.clip(strength / full, 0, 1) ** 1.5
    sharp = np.clip(smiles.sharpness / _SHARP, 0.1, 1)
    large = np.clip(sizes_wh(smiles.xyxy).min(axis=1) / _LARGE_PX, 0.2, 1)
    frontal = np.clip((_TURN[1] - smiles.turn) / (_TURN[1] - _TURN[0]), 0, 1)
    quality = certainty * np.sqrt(sharp * large) * frontal * _eyes(smiles)
    return np.where(smiling, quality, 0).astype(np.float64)


def _eyes(smiles: Smiles) -> NDArray[np.float64]:
    """Return 0..1 of each face's eye openness, relative to the person's usual one, ``(n,)``."""
    known = ~np.isnan(smiles.eyes_open)
    if not known.any():
        return np.ones(len(smiles))
    usual = max(float(np.percentile(smiles.eyes_open[known], _USUAL_OPEN)), 1e-6)
    share = np.where(known, smiles.eyes_open, 0) / usual
    return np.asarray(np.clip((share - _OPENNESS[0]) / (_OPENNESS[1] - _OPENNESS[0]), 0.2, 1))


def choose_moments(smiles: Smiles, count: int, *, least_apart_s: float = 0.0) -> NDArray[np.int64]:
    """Return the rows ``(m,)`` of the best moments of one person's smiles, in chronological order.

    Args:
        smiles: of one person, in chronological order.
        count: largest number of moments.
        least_apart_s: least distance between two moments.
    """
    quality = smile_quality(smiles)
    quality[quality < _LEAST_QUALITY * quality.max(initial=0)] = 0
    chosen = np.zeros(0, np.int64)
    for apart_s in _APART_S:
        found = _best_apart(smiles.time_s, quality, count, max(apart_s, least_apart_s))
        if len(found) > len(chosen):
            chosen = found
        if len(chosen) >= count:
            break
    return np.sort(chosen)


def _best_apart(
    time_s: NDArray[np.float64], quality: NDArray[np.float64], count: int, apart_s: float
) -> NDArray[np.int64]:
    """Pick the best row repeatedly, at least ``apart_s`` from those already picked."""
    left = quality.copy()
    picked: list[int] = []
    while len(picked) < count and left.max(initial=0) > 0:
        best = int(left.argmax())
        picked.append(best)
        left[np.abs(time_s - time_s[best]) < apart_s] = 0
    return np.array(picked, np.int64)


def choose_bursts(smiles: Smiles, count: int) -> list[NDArray[np.int64]]:
    """Return the rows ``(m,)`` of each burst around the best smiles, in chronological order.

    Args:
        smiles: of one person, in chronological order.
        count: largest number of bursts.
    """
    peaks = choose_moments(smiles, count, least_apart_s=BURST_S)
    return [_burst(smiles, int(peak)) for peak in peaks]


def _burst(smiles: Smiles, peak: int) -> NDArray[np.int64]:
    """Return the smiling rows around a peak, ``(m,)``."""
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
        person_id: of the person.
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
