"""Accuracy of the tracks, next to references: `python -m tests.quality.tracking`.

Each clip goes through all stages: its people are clustered, a tracker is trained only on them, and
the tracks are scored against manual labels, or against the drawn film's truth.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings
from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.execution.context import RunContext
from data.project.project import Project
from data.sample.film import draw_film
from data.sample.truth import truth_paths
from data.tables.faces import Faces
from data.tables.people import open_people
from data.tables.tracks import Tracks, read_tracks
from tests import SHARED
from tests.quality.figures import (
    TRACKING_TOLERANCE,
    Figures,
    read_figures,
    worse,
    write_figures,
)
from tests.quality.references import (
    as_tracks,
    by_majority,
    interpolated_everywhere,
    recognised,
    yolo_per_frame,
    yolo_tracked,
)
from tests.targets import verdict
from tracking.detection.detections import FootageDetections
from tracking.detection.export import exported_model
from tracking.evaluation.__main__ import HEADER, score_row
from tracking.evaluation.label_files import LabelFile, read_label_file
from tracking.evaluation.metrics import Score, evaluate
from tracking.stage import TrackSettings, track_people
from tracking.training.stage import TrackerSettings, train_tracker

DRAWN: Final = "drawn film"
CLIPS: Final = (
    "talkshow_a",
    "film_a",
    "meeting_a",
    "sitcom_a",
    "pexels_00",
    "pexels_01",
    "pexels_02",
    "pexels_03",
    "pexels_04",
)
WEIGHTS: Final = SHARED / "weights" / "yolov5n_coco_body.pt"
OURS: Final = "track-people"
TARGETS: Final = {DRAWN: (0.95, 1.0), "talkshow_a": (0.90, 0.98)}
"""Smallest IDF1 and identity precision."""

FILLED: Final = "  filled, smoothed"
REFERENCES: Final = (FILLED, "model.track", "face a frame")

FULL_TRAINING: Final = TrackerSettings()
QUICK_TRAINING: Final = TrackerSettings(imgsz=320, epochs=8)
"""Much quicker, for tests; on talkshow_a within TRACKING_TOLERANCE of the full training."""

Scores = dict[str, Score]


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """A tracked clip."""

    name: str
    footage: Path
    labels: LabelFile
    project: Project
    took_s: dict[str, float]  # duration of each stage

    @property
    def entry(self) -> str:
        """Return the name of the footage in the project."""
        return next(iter(self.project.footages))

    @property
    def weights(self) -> Path:
        """Return the path of the tracker."""
        return self.project.tracker_file


class _Silent:
    def update(self, n: int) -> None:
        """Show nothing."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Show nothing."""


def no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[_Silent]:
    """Return a progress bar that shows nothing."""
    return nullcontext(_Silent())


def track(
    name: str, footage: Path, labels: Path, folder: Path, training: TrackerSettings
) -> Tracked:
    """Run every stage on a clip; stages finished in ``folder`` are not repeated."""
    project = Project(folder / f"{footage.stem}.fancam")
    took_s = {}
    start = time.monotonic()
    cluster_faces(project, [footage], ClusterSettings(), context=RunContext(no_bar))
    took_s["people"] = time.monotonic() - start
    weights = str(WEIGHTS) if WEIGHTS.exists() else "yolo11n.yaml"
    start = time.monotonic()
    train_tracker(project, replace(training, weights=weights), context=RunContext(no_bar))
    took_s["training"] = time.monotonic() - start
    start = time.monotonic()
    track_people(project, [], TrackSettings(), context=RunContext(no_bar))
    took_s["tracking"] = time.monotonic() - start
    return Tracked(name, footage, read_label_file(labels), project, took_s)


def scores(clip: Tracked) -> Scores:
    """Return the scores of fancam and of the references, by name."""
    found = {OURS: _ours(clip), **dict(_references(clip))}
    return {name: _score(clip, tracks) for name, tracks in found.items()}


def score_ours(clip: Tracked) -> Score:
    """Return the score of fancam only."""
    return _score(clip, _ours(clip))


def _score(clip: Tracked, tracks: Tracks) -> Score:
    truth = clip.labels
    return evaluate(tracks, truth.labels, min_iou=truth.min_iou, exhaustive=truth.exhaustive)


def figures_to_store(name: str, score: Score) -> Figures:
    """Return the figures to store."""
    return {f"tracks of {name}": {"idf1": round(score.idf1, 4), "idp": round(score.idp, 4)}}


def reference_figures(name: str, found: Scores) -> Figures:
    """Return IDF1 of the references in docs/figures.md; they are stored, but are no target."""
    idf1 = {reference: round(found[reference].idf1, 4) for reference in REFERENCES}
    return {f"references of {name}": idf1}


def _ours(clip: Tracked) -> Tracks:
    return read_tracks(clip.project, clip.entry)[0]


def _references(clip: Tracked) -> Iterator[tuple[str, Tracks]]:
    image_px = exported_model(clip.weights).metadata.image_px
    margin = clip.project.label_margin
    time_s = _times(clip)
    seen = yolo_per_frame(clip.weights, clip.footage, image_px=image_px)
    each = as_tracks(seen, time_s, label_margin=margin)
    yield "YOLO a frame", each
    yield FILLED, interpolated_everywhere(each, time_s)
    seen = yolo_tracked(clip.weights, clip.footage, image_px=image_px)
    yield "model.track", as_tracks(seen, time_s, label_margin=margin)
    yield "  class by majority", as_tracks(by_majority(seen), time_s, label_margin=margin)
    yield "face a frame", recognised(clip.footage, *_known(clip), BackendSettings())


def _times(clip: Tracked) -> NDArray[np.float64]:
    """Return the time of every frame, in OpenCV's order."""
    file = clip.project.detections_file(clip.entry)
    timeline = FootageDetections.read(file).timeline
    frames = np.arange(int(timeline.frame_index[-1]) + 2)
    return np.interp(frames, timeline.frame_index, timeline.time_s)


def _known(clip: Tracked) -> tuple[Faces, NDArray[np.int64]]:
    faces = Faces.read(clip.project.faces_file(clip.entry))
    with open_people(clip.project.people_file) as people:
        known = people.assignments(clip.entry)
    if not np.allclose(known.time_s, faces.time_s):
        raise ValueError(f"{clip.name}: people and faces must be of the same faces")
    return faces, known.person_id


def report(clip: Tracked, found: Scores) -> list[str]:
    """Return the table of a clip, and whether the targets are met."""
    took = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in clip.took_s.items())
    lines = [f"{clip.name}: {found[OURS].labelled} labelled faces; {took}", HEADER]
    lines += [score_row(name, score) for name, score in found.items()]
    best = max(score.idf1 for name, score in found.items() if name != OURS)
    lines.append(f"no reference is ahead by IDF1 {verdict(found[OURS].idf1 >= best)}")
    if clip.name in TARGETS:
        idf1, idp = TARGETS[clip.name]
        lines.append(
            f"target: IDF1 >= {idf1} {verdict(found[OURS].idf1 >= idf1)}"
            f"; IDP >= {idp} {verdict(found[OURS].idp >= idp)}"
        )
    return lines


def clips(
    names: Sequence[str], folder: Path, training: TrackerSettings = FULL_TRAINING
) -> Iterator[Tracked]:
    """Yield each clip as soon as it is tracked, by detectors trained with these settings."""
    for name in names:
        if name == DRAWN:
            film = folder / "film.mp4"
            rows, _ = truth_paths(film)
            if not (film.exists() and rows.exists()):
                draw_film(film)
            yield track(name, film, rows, folder, training)
        else:
            labels = SHARED / "footage" / "labels" / f"{name}.csv"
            footage = SHARED / "footage" / f"{name}.mp4"
            yield track(name, footage, labels, folder, training)


def main() -> int:
    """Print one table per clip; with --update, store the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.tracking", description=__doc__)
    available = (*CLIPS, DRAWN) if SHARED.is_dir() else (DRAWN,)
    parser.add_argument("clips", nargs="*", help=f"clips to score, of {', '.join(available)}")
    parser.add_argument(
        "--folder", type=Path, help="folder in which the projects are kept and reused"
    )
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parsed = parser.parse_args()
    if unknown := set(parsed.clips) - set(available):
        parser.error(f"no such clip: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as passing:
        folder = parsed.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        measured: Figures = {}
        references: Figures = {}
        for clip in clips(parsed.clips or available, folder):
            found = scores(clip)
            print("\n" + "\n".join(report(clip, found)), flush=True)
            measured |= figures_to_store(clip.name, found[OURS])
            references |= reference_figures(clip.name, found)
    return _store_or_compare(measured, references, update=parsed.update)


def _store_or_compare(measured: Figures, references: Figures, *, update: bool) -> int:
    if update:
        write_figures({**measured, **references})
        print("\nfigures written")
        return 0
    kept = read_figures()
    lines = worse(
        {row: values for row, values in measured.items() if row in kept},
        kept,
        tolerance=TRACKING_TOLERANCE,
    )
    print("\n" + ("\n".join(lines) or "no figure is below the committed ones"))
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
