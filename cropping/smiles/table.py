"""Smiling intervals by the smiles table, and whether a stored table is up to date."""

from __future__ import annotations

import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.digest import digest
from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import SMILES, TRACKS, SmilesRecord
from data.tables.smiles import Smiles

VERSION: Final = 1
"""Increased when the same footage, tracks and model give other smiles."""

SMILING: Final = 0.5
"""Threshold of a smile: the model's scores are calibrated."""
_CLOSEST: Final = 1e-4
_LEAST_SAMPLES: Final = 30  # fewer do not show a person's resting face
_LEAST_MODE: Final = 0.15  # of the samples, in each of the two modes
_RESTING: Final = -0.5  # least log odds of a resting face that the model takes for a smile
_APART: Final = 2.5  # least distance in log odds between resting and smiling
_JOIN_S: Final = 0.4  # shorter gaps within a smile are bridged
_SHORTEST_S: Final = 0.3  # shorter smiles are dropped


def is_smiling(smiles: Smiles) -> NDArray[np.bool_]:
    """Return the rows in which one person smiles, ``(n,)``.

    Some resting faces score as smiles. Where a person's scores are bimodal and the model takes both
    modes for smiles, only the upper mode counts.

    Args:
        smiles: of one person.
    """
    return np.asarray(smiles.smile > SMILING) & (log_odds(smiles.smile) > _resting(smiles))


def _resting(smiles: Smiles) -> float:
    """Return the log odds up to which a person's face rests."""
    values = np.sort(log_odds(smiles.smile))
    if len(values) < _LEAST_SAMPLES:
        return 0.0
    # The threshold with the least spread within both sides (Otsu, "A threshold selection method
    # from gray-level histograms", 1979).
    least = max(round(_LEAST_MODE * len(values)), 1)
    sizes = np.arange(least, len(values) - least + 1)
    sums = np.cumsum(values)[sizes - 1]
    lower, upper = sums / sizes, (values.sum() - sums) / (len(values) - sizes)
    best = int((sizes * (len(values) - sizes) * (upper - lower) ** 2).argmax())
    if lower[best] < _RESTING or upper[best] - lower[best] < _APART:
        return 0.0
    return float((lower[best] + upper[best]) / 2)


def log_odds(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log odds ``(n,)`` of probabilities ``(n,)``, clipped near 0 and 1."""
    inside = np.clip(probability.astype(np.float64), _CLOSEST, 1 - _CLOSEST)
    return np.asarray(np.log(inside / (1 - inside)))


def smiling_intervals(smiles: Smiles, person_id: int) -> list[tuple[float, float]]:
    """Return the disjoint intervals in which a person smiles: begin and end in seconds, rising."""
    mine = smiles.take(smiles.person_id == person_id)
    smiling = is_smiling(mine)
    step_s = float(np.median(np.diff(mine.time_s))) if len(mine) > 1 else 0.0
    intervals: list[tuple[float, float]] = []
    for time_s in mine.time_s[smiling].tolist():
        # A sample stands for the time up to the next one.
        if intervals and time_s - intervals[-1][1] <= max(_JOIN_S, step_s):
            intervals[-1] = (intervals[-1][0], time_s + step_s)
        else:
            intervals.append((time_s, time_s + step_s))
    return [(start, end) for start, end in intervals if end - start >= _SHORTEST_S or not step_s]


# --- in the project ----------------------------------------------------------------------------


def stored_smiles(project: Project, footage: str, model_key: str) -> Smiles | None:
    """Return the smiles of a footage; None where they are missing or stale."""
    if not project.is_finished(SMILES, _record(project, footage, model_key), footage):
        return None
    try:
        return Smiles.read(project.smiles_file(footage))
    except InputError:
        return None  # damaged: computed again


def finish_smiles(project: Project, footage: str, model_key: str) -> None:
    """Mark the smiles of a footage as finished, with their inputs."""
    project.finish(SMILES, _record(project, footage, model_key), footage)


def smiles_key(project: Project, footage: str, model_key: str) -> str:
    """Return the cache key of a footage's smiles."""
    return digest(json.dumps(_record(project, footage, model_key).to_json()))


def _record(project: Project, footage: str, model_key: str) -> SmilesRecord:
    tracks = project.record(TRACKS, footage)
    content = json.dumps(None if tracks is None else tracks.to_json(), sort_keys=True)
    return SmilesRecord(VERSION, model_key, digest(content))
