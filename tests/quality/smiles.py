"""Accuracy of the smile model on held-out people, on the drawn film and on one real clip.

Faces come from the drawn film's truth, and from the detector for the clip, so that only the smiles
are judged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings
from cropping.expression_cli import SMILE_LABELS
from cropping.expressions.card import calibration_lines, metrics_row, table
from cropping.expressions.labelled_faces import LabelledFaces, read_labelled_faces
from cropping.expressions.metrics import Metrics, roc_auc
from cropping.expressions.model import load_expression_model
from cropping.expressions.split import split_faces
from cropping.expressions.stage import evaluate_model
from cropping.smiles.model import NO_SMILE, SHIPPED, SMILE, load_smile_model
from cropping.smiles.scorer import SmileScorer
from cropping.smiles.selection import choose_moments
from cropping.smiles.table import is_smiling
from data.core.boxes import areas
from data.sample.film import draw_film
from data.sample.truth import Truth
from data.tables.smiles import Smiles
from data.tables.tracks import Tracks
from data.video.reader import read_frames, sample_frames
from tests import SHARED
from tests.quality.clips import load_extractor
from tests.quality.figures import Figures as Kept
from tests.quality.figures import read_figures, worse, write_figures

FACES: Final = "facial_expressions.zip"
CLIP: Final = "smile_a"
LAUGHS_FROM_S: Final = 9.4
"""Manual label: before this time she cries, then she laughs and smiles to the end."""
MIN_AUC: Final = 0.97
GIF_FRAMES: Final = 9
_SEEN: Final = 0.95  # smallest visible share of a drawn face that is scored
_AHEAD_DEG: Final = 30.0


class _Silent:
    def update(self, n: int) -> None:
        """Show nothing."""

    def set_postfix_str(self, s: str) -> None:
        """Show nothing."""


def no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[_Silent]:
    """Return a bar that prints nothing."""
    return nullcontext(_Silent())


# --- held-out people ----------------------------------------------------------------------------


def held_out(shared: Path) -> LabelledFaces:
    """Return the faces of people who were not in the training of the bundled model.

    The split depends only on the people's names, so it equals that of the training.
    """
    labels = set(SMILE_LABELS)
    faces = read_labelled_faces(
        [shared / "smiles" / FACES],
        progress=no_bar,
        merge=lambda label: SMILE if label in labels else NO_SMILE,
        order=(NO_SMILE, SMILE),
    )
    return faces.take(split_faces(faces).test)


def held_out_figures(shared: Path) -> tuple[Metrics, Metrics]:
    """Return the figures with one crop per face, and averaged as in actual use."""
    return evaluate_model(load_expression_model(SHIPPED), held_out(shared))


def _held_out_lines(figures: tuple[Metrics, Metrics]) -> list[str]:
    single, averaged = figures
    met = "met" if averaged.mean_auc >= MIN_AUC else "MISSED"
    header = ["people never seen in training", "faces", "ROC AUC", "accuracy", "calibration error"]
    rows = [
        metrics_row("one crop per face", single),
        metrics_row("averaged, as in actual use", averaged),
    ]
    return [
        *table(header, rows),
        f"target: ROC AUC >= {MIN_AUC} ({met})",
        "",
        *calibration_lines(averaged.calibration),
    ]


# --- the drawn film -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DrawnPerson:
    """Accuracy of one drawn person's smiles."""

    name: str
    samples: int  # samples from the front, unhidden
    auc: float
    right: float  # share of samples classified right
    chosen: int  # moments for the GIF
    chosen_smiling: int  # of these, moments with a real smile


def drawn_people(film: Path, truth: Truth) -> list[DrawnPerson]:
    """Return the accuracy for each person in a drawn film."""
    seen = truth.visible > 0.5
    number = {name: i for i, name in enumerate(truth.people)}
    found = Tracks.ordered(
        frame_index=truth.frame_index[seen],
        time_s=truth.time_s[seen],
        person_id=np.array([number[name] for name in truth.person[seen].tolist()], np.int64),
        xyxy=truth.xyxy[seen],
        confidence=np.ones(int(seen.sum()), np.float32),
        source=np.zeros(int(seen.sum()), np.int8),
    )
    smiles = scored_smiles(film, found)
    return [
        _drawn_person(smiles.take(smiles.person_id == number[name]), truth, name)
        for name in truth.people
    ]


def _drawn_person(mine: Smiles, truth: Truth, name: str) -> DrawnPerson:
    rows = np.flatnonzero(truth.person == name)
    row = rows[np.searchsorted(truth.frame_index[rows], mine.frame_index)]
    really = truth.smiling[row]
    ahead = (np.abs(truth.yaw_deg[row]) <= _AHEAD_DEG) & (truth.visible[row] > _SEEN)
    chosen = choose_moments(mine, GIF_FRAMES)
    return DrawnPerson(
        name=name,
        samples=int(ahead.sum()),
        auc=roc_auc(mine.smile[ahead], really[ahead]),
        right=float((is_smiling(mine) == really)[ahead].mean()),
        chosen=len(chosen),
        chosen_smiling=int(really[chosen].sum()),
    )


def scored_smiles(footage: Path, found: Tracks) -> Smiles:
    """Score the smiles of the given faces as smile-gifs does."""
    scorer = SmileScorer(load_smile_model(), found)
    for frame in read_frames(footage):
        scorer.score_frame(frame)
    return scorer.finish()


def _drawn_lines(people: list[DrawnPerson]) -> list[str]:
    header = ["drawn film", "samples", "ROC AUC", "right", "in the GIF", "really smiling"]
    rows = [
        [
            person.name,
            str(person.samples),
            f"{person.auc:.3f}",
            f"{person.right:.1%}",
            str(person.chosen),
            str(person.chosen_smiling),
        ]
        for person in people
    ]
    return table(header, rows)


# --- one real clip ------------------------------------------------------------------------------


def clip_moments(shared: Path) -> NDArray[np.float64]:
    """Return the times of the moments that her GIF would show, seconds."""
    footage = shared / "footage" / f"{CLIP}.mp4"
    smiles = scored_smiles(footage, _largest_faces(footage))
    return smiles.time_s[choose_moments(smiles, GIF_FRAMES)]


def _largest_faces(footage: Path) -> Tracks:
    """Return tracks of one person: the largest face, ten times per second."""
    parts = list(load_extractor(BackendSettings()).extract(sample_frames(footage, every_s=0.1)))
    index = np.concatenate([part.faces.frame_index for part in parts])
    time_s = np.concatenate([part.faces.time_s for part in parts])
    xyxy = np.concatenate([part.faces.xyxy for part in parts])
    order = np.lexsort((-areas(xyxy), index))
    first = order[np.flatnonzero(np.diff(index[order], prepend=-1))]
    return Tracks.ordered(
        frame_index=index[first],
        time_s=time_s[first],
        person_id=np.ones(len(first), np.int64),
        xyxy=xyxy[first],
        confidence=np.ones(len(first), np.float32),
        source=np.zeros(len(first), np.int8),
    )


def _clip_lines(moments: NDArray[np.float64]) -> list[str]:
    smiling = int((moments >= LAUGHS_FROM_S).sum())
    shown = ", ".join(f"{moment:.1f}" for moment in moments.tolist())
    return [
        f"{CLIP}: she cries until {LAUGHS_FROM_S} s, then she laughs",
        f"her GIF shows {shown} s: {smiling} of {len(moments)} are smiles",
    ]


# --- all ------------------------------------------------------------------------------------------


def figures_of(averaged: Metrics | None, people: list[DrawnPerson]) -> Kept:
    """Return the figures to store."""
    kept: Kept = {
        "smiles, drawn film": {
            "least_auc": round(min(person.auc for person in people), 4),
            "smiling_in_gifs": sum(p.chosen_smiling for p in people)
            / sum(p.chosen for p in people),
        }
    }
    if averaged is not None:
        kept["smiles, people held out"] = {
            "auc": round(averaged.mean_auc, 4),
            "right": round(averaged.accuracy, 4),
        }
    return kept


def _lines(
    figures: tuple[Metrics, Metrics] | None, people: list[DrawnPerson]
) -> Iterator[list[str]]:
    if figures is not None:
        yield _held_out_lines(figures)
    yield _drawn_lines(people)
    if figures is not None:
        yield _clip_lines(clip_moments(SHARED))


def main() -> int:
    """Print every table; with --update, store the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.smiles", description=__doc__)
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parsed = parser.parse_args()
    if not SHARED.is_dir():
        print("the labelled faces of ../shared are missing: only the drawn film is scored")
    figures = held_out_figures(SHARED) if SHARED.is_dir() else None
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        people = drawn_people(film, draw_film(film))
    for lines in _lines(figures, people):
        print("\n".join(["", *lines]), flush=True)
    measured = figures_of(figures[1] if figures else None, people)
    if parsed.update:
        write_figures(measured)
        return 0
    lower = worse(measured, read_figures())
    print("\n" + ("\n".join(lower) or "no figure is below the committed ones"))
    return int(bool(lower))


if __name__ == "__main__":
    sys.exit(main())
