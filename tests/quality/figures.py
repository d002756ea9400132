"""Committed figures, below which clustering and tracking must not fall."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from data.core.atomic import write_json
from tests.quality.clips import DRAWN, Clip
from tests.quality.photographs import PhotographScores
from tests.quality.scores import Mean, Score, mean, ours

FILE: Final = Path(__file__).with_name("figures.json")
TOLERANCE: Final = 0.005
"""Allows for rounding on other processors, which can move a face across a threshold."""

DLIB_ALONE: Final = "dlib alone, "
"""Prefix of the figures without CenterFace and SFace."""

TRACKING_TOLERANCE: Final = 0.03
"""Allows for differences between networks trained on different processors."""

Figures = dict[str, dict[str, float]]


def figures_of(means: Mapping[str, Mean], drawn: Mapping[str, Score]) -> Figures:
    """Return the figures to store, by sampling."""
    kept: Figures = {}
    for sampling, over_clips in means.items():
        kept[sampling] = {
            "mean_f": round(over_clips.f, 4),
            "mean_precision": round(over_clips.precision, 4),
            "min_f": round(over_clips.min_f, 4),
            "found": round(over_clips.found, 4),
            "min_found": round(over_clips.min_found, 4),
            "people_right": over_clips.people_right,
            "clips": over_clips.clips,
        }
    for sampling, film in drawn.items():
        kept[f"drawn film, {sampling}"] = {
            "mean_f": round(film.b_cubed.f, 4),
            "mean_precision": round(film.b_cubed.precision, 4),
            "people_right": int(film.people_right),
        }
    return kept


def measured_figures(clips: Sequence[Clip], prefix: str = "") -> Figures:
    """Return the figures of real clips and of the drawn film, at their samplings.

    Args:
        clips: at least one; all at the same samplings.
        prefix: start of each row's name.
    """
    samplings = clips[0].by_sampling
    scores = {s: {c.name: ours(c.by_sampling[s]) for c in clips} for s in samplings}
    drawn = {s: by_clip.pop(DRAWN) for s, by_clip in scores.items() if DRAWN in by_clip}
    means = {s: mean(list(by_clip.values())) for s, by_clip in scores.items() if by_clip}
    return {prefix + row: values for row, values in figures_of(means, drawn).items()}


def photograph_figures(scores: PhotographScores) -> Figures:
    """Return the figures of the photographs."""
    return {
        "photographs": {
            "photographs": scores.photographs,
            "people": scores.people,
            "f": round(scores.ours.f, 4),
            "dlib_f": round(scores.dlib.f, 4),
            "dbscan_f": round(scores.plain.f, 4),
        }
    }


def read_figures() -> Figures:
    """Return the committed figures."""
    kept: Figures = json.loads(FILE.read_text("utf-8"))
    return kept


def write_figures(figures: Figures) -> None:
    """Store these figures; stored figures that were not measured now stay."""
    kept = read_figures() if FILE.exists() else {}
    write_json(FILE, {**kept, **figures})


def worse(measured: Figures, kept: Figures, *, tolerance: float = TOLERANCE) -> list[str]:
    """Return one line for each figure below the committed one."""
    lines = []
    for row, values in measured.items():
        for name, value in values.items():
            slack = 0 if name == "people_right" else tolerance
            if value < kept[row][name] - slack:
                lines.append(f"{row}: {name} {value:g} is below {kept[row][name]:g}")
    return lines
