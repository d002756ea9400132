"""Smiling intervals from a smiles table, and the cache key of a stored table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.digest import digest
from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import SMILES, TRACKS, SmilesRecord, TracksRecord
from data.tables.smiles import Smiles

VERSION: Final = 1
"""Increase it when a change alters the smiles of unchanged footage, tracks and model."""

SMILING: Final = 0.5
"""Probability above which a face smiles; the model is calibrated."""
_MIN_PROBABILITY: Final = 1e-4  # also the distance from 1, so that log odds are finite
_MIN_SAMPLES: Final = 30  # to know a person's resting face
_MIN_MODE_SHARE: Final = 0.15  # of the samples in each of the two modes
_MIN_RESTING: Final = -0.5  # log odds of a resting face that the model mistakes for a smile
_MIN_DISTANCE: Final = 2.5  # in log odds between resting and smiling
_MAX_GAP_S: Final = 0.4  # within a smile
_MIN_SMILE_S: Final = 0.3


def is_smiling(smiles: Smiles) -> NDArray[np.bool_]:
    """Return the mask of the rows in which one person smiles, ``(n,)``.

    Some resting faces score as smiles. If a person's scores are bimodal and both modes score as
    smiles, only the upper mode counts.

    Args:
        smiles: rows of one person.
    """
    return np.asarray(smiles.smile > SMILING) & (log_odds(smiles.smile) > _resting_limit(smiles))


def _resting_limit(smiles: Smiles) -> float:
    """Return the log odds up to which a person's face counts as resting."""
    values = np.sort(log_odds(smiles.smile))
    if len(values) < _MIN_SAMPLES:
        return 0.0
    # Threshold with the minimum within-class variance (Otsu, "A threshold selection method from
    # gray-level histograms", 1979).
    min_size = max(round(_MIN_MODE_SHARE * len(values)), 1)
    sizes = np.arange(min_size, len(values) - min_size + 1)
    sums = np.cumsum(values)[sizes - 1]
    lower, upper = sums / sizes, (values.sum() - sums) / (len(values) - sizes)
    best = int((sizes * (len(values) - sizes) * (upper - lower) ** 2).argmax())
    if lower[best] < _MIN_RESTING or upper[best] - lower[best] < _MIN_DISTANCE:
        return 0.0
    return float((lower[best] + upper[best]) / 2)


def log_odds(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log odds, ``(n,)``, of probabilities, ``(n,)`` clipped near 0 and 1."""
    clipped = np.clip(probability.astype(np.float64), _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return np.asarray(np.log(clipped / (1 - clipped)))


def smiling_intervals(smiles: Smiles, person_id: int) -> list[tuple[float, float]]:
    """Return the disjoint intervals in which a person smiles, in seconds, chronologically."""
    own = smiles.take(smiles.person_id == person_id)
    smiling = is_smiling(own)
    step_s = float(np.median(np.diff(own.time_s))) if len(own) > 1 else 0.0
    intervals: list[tuple[float, float]] = []
    for time_s in own.time_s[smiling].tolist():
        # A sample represents the time up to the next one.
        if intervals and time_s - intervals[-1][1] <= max(_MAX_GAP_S, step_s):
            intervals[-1] = (intervals[-1][0], time_s + step_s)
        else:
            intervals.append((time_s, time_s + step_s))
    return [(start, end) for start, end in intervals if end - start >= _MIN_SMILE_S or not step_s]


# --- in the project ----------------------------------------------------------------------------


def stored_smiles(project: Project, footage: str, model_key: str) -> Smiles | None:
    """Return the smiles of a footage, None if they are missing or stale."""
    if not project.is_finished(SMILES, _record(project, footage, model_key), footage):
        return None
    try:
        return Smiles.read(project.smiles_file(footage))
    except InputError:
        return None  # damaged


def current_smiles(project: Project, footage: str) -> Smiles | None:
    """Return the smiles of a footage by whichever model, None if they are missing or stale."""
    record = project.record(SMILES, footage)
    return None if record is None else stored_smiles(project, footage, record.model)


def finish_smiles(project: Project, footage: str, model_key: str) -> None:
    """Record the smiles of a footage as finished, with their inputs."""
    project.finish(SMILES, _record(project, footage, model_key), footage)


def smiles_key(project: Project, footage: str, model_key: str) -> str:
    """Return the cache key of a footage's smiles."""
    return digest(json.dumps(_record(project, footage, model_key).to_json()))


def _record(project: Project, footage: str, model_key: str) -> SmilesRecord:
    tracks = project.record(TRACKS, footage)
    # Smiles do not depend on names, but the records of earlier versions did.
    former = SmilesRecord(VERSION, model_key, _tracks_key(tracks))
    if tracks is None or project.is_finished(SMILES, former, footage):
        return former
    nameless = replace(tracks, names=dict.fromkeys(tracks.names, ""))
    return replace(former, tracks=_tracks_key(nameless))


def _tracks_key(tracks: TracksRecord | None) -> str:
    return digest(json.dumps(None if tracks is None else tracks.to_json(), sort_keys=True))
