"""Tracks with and without bodies and training: `python -m tests.quality.bodies [--trained]`.

The people of each clip are clustered, and followed by the bodies of a general detector and the
recognised faces. On clips with labelled bodies, the share of the visible bodies whose person is
followed; on clips with labelled faces, IDF1 and identity precision.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from clustering.faces.backends import BackendSettings
from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, centres, iou
from data.execution.context import RunContext
from data.project.project import Project
from data.tables.tracks import Tracks, read_tracks
from fancam.api.faces import best_backend
from tests import SHARED
from tests.quality.figures import Figures, read_figures, worse, write_figures
from tests.quality.tracking import CLIPS as FACE_CLIPS
from tests.quality.tracking import WEIGHTS as START
from tests.quality.tracking import no_bar
from tracking.evaluation.label_files import read_label_file
from tracking.evaluation.metrics import evaluate
from tracking.stage import TrackSettings, track_people
from tracking.training.stage import TrackerSettings, train_tracker

LABELS: Final = SHARED / "footage" / "labels"
BODY_WEIGHTS: Final = SHARED / "weights" / "yolo11n_int8_openvino_model"
FACES, BODIES, TRAINED = "faces", "bodies", "trained"
WAYS: Final = (FACES, BODIES, TRAINED)
"""Faces alone, bodies named by faces, and bodies named by a trained detector as well."""
CLIPS: Final = ("kpop_vertical", "sitcom_a", "pexels_00")
"""Clips with labelled bodies."""
UNSEEN: Final = {"pexels_00": ("C",)}
"""People of a clip who are seen from behind only, so that no face names them."""
MIN_RIGHT, MAX_WRONG, LOWEST_RIGHT = 0.90, 0.01, 0.80
"""Targets of the mean shares, and of the lowest share of a clip."""
TOLERANCE: Final = 0.02
"""Allows for other results of the body detector on other processors."""
MIN_IOU: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class BodyLabels:
    """Labelled bodies of a clip, one row per body."""

    frame_index: NDArray[np.int64]  # (n,) 0-based
    xyxy: Boxes  # (n, 4) px
    person: tuple[str, ...]  # "?" for undecided
    detected: NDArray[np.bool_]  # (n,) False for boxes drawn by hand or interpolated


@dataclass(frozen=True, slots=True)
class BodyScore:
    """Shares of the labelled bodies.

    Args:
        labelled: bodies whose person counts.
        right: share with a row of the matched person.
        wrong: share with a row of another person.
    """

    labelled: int
    right: float
    wrong: float


def read_body_labels(path: Path, *, unseen: Sequence[str] = ()) -> BodyLabels:
    """Read the labels, without people whose face is never seen.

    A tracklet that begins with m or ends in i was drawn by hand or interpolated.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["person"] not in unseen]
    sides = [[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows]
    tracklets = [row["tracklet"] for row in rows]
    return BodyLabels(
        frame_index=np.array([int(row["frame_index"]) for row in rows], np.int64),
        xyxy=np.array(sides, np.float32).reshape(-1, 4),
        person=tuple(row["person"] for row in rows),
        detected=np.array([not (t.startswith("m") or t.endswith("i")) for t in tracklets]),
    )


def body_score(tracks: Tracks, labels: BodyLabels) -> BodyScore:
    """Score tracks against labelled bodies; people are matched one to one for most right rows.

    A row is on a body if their IoU is at least MIN_IOU, or the centre of the face is in the upper
    half of the body; on a body that was not detected, if the centre of the face is in it. Of
    several bodies, a row is on the one with the highest IoU, else with the nearest head.
    """
    pairs: Counter[tuple[str, int]] = Counter()
    for frame in np.unique(labels.frame_index).tolist():
        for label, row in _on(tracks, labels, frame):
            if labels.person[label] != "?":
                pairs[labels.person[label], int(tracks.person_id[row])] += 1
    people = sorted({person for person in labels.person if person != "?"})
    tracked = sorted({person for _, person in pairs})
    counts = np.array([[pairs[a, b] for b in tracked] for a in people], np.int64)
    matched = counts[linear_sum_assignment(-counts)].sum() if counts.size else 0
    labelled = sum(person != "?" for person in labels.person)
    return BodyScore(labelled, matched / labelled, (counts.sum() - matched) / labelled)


def _on(tracks: Tracks, labels: BodyLabels, frame: int) -> list[tuple[int, int]]:
    """Return the label and the row of each row of a frame that is on a body, one to one."""
    rows = np.arange(*np.searchsorted(tracks.frame_index, [frame, frame + 1]))
    rows = rows[tracks.person_id[rows] != UNKNOWN]
    found = np.flatnonzero(labels.frame_index == frame)
    bodies = labels.xyxy[found]
    overlap = np.nan_to_num(iou(bodies, tracks.body_xyxy[rows]))
    height = np.where(labels.detected[found], 0.5, 1.0) * (bodies[:, 3] - bodies[:, 1])
    face = centres(tracks.xyxy[rows])[None]
    inside = (face >= bodies[:, None, :2]) & (face[..., :1] <= bodies[:, None, 2:3])
    aside = np.abs(face[..., 0] - centres(bodies)[:, None, 0])
    head = inside.all(axis=2) & (face[..., 1] <= bodies[:, None, 1] + height[:, None])
    nearness = 1 / (1 + aside / np.maximum(bodies[:, 2] - bodies[:, 0], 1)[:, None])
    value = np.where(overlap >= MIN_IOU, 1 + overlap, np.where(head, nearness, 0))
    best = zip(*linear_sum_assignment(-value), strict=True)
    return [(int(found[i]), int(rows[j])) for i, j in best if value[i, j] > 0]


@dataclass(frozen=True, slots=True)
class ClipScore:
    """Scores of a clip; bodies are None where none are labelled."""

    bodies: BodyScore | None
    idf1: float
    idp: float

    def cells(self) -> str:
        """Return the columns of the table."""
        faces = f"{self.idf1:6.3f} {self.idp:6.3f}"
        if self.bodies is None:
            return f"{faces}    {'':13}"
        return f"{faces}    {self.bodies.right:6.3f} {self.bodies.wrong:6.3f}"


def clip_scores(
    name: str, folder: Path, backend: BackendSettings, *, trained: bool = False
) -> dict[str, ClipScore]:
    """Cluster and track a clip in ``folder``; return its scores, by the name of the way.

    Args:
        name: name of the clip.
        folder: folder of the project.
        backend: face models.
        trained: whether to also train a detector, and track with it and the bodies.
    """
    footage = SHARED / "footage" / f"{name}.mp4"
    project = Project(folder / f"{name}.fancam")
    clustering = ClusterSettings(backend=backend, kept=frozenset({"detector", "embedder"}))
    cluster_faces(project, [footage], clustering, context=RunContext(no_bar))
    found = {}
    for kind in WAYS if trained else WAYS[:2]:
        training, weights = kind == TRAINED, "none" if kind == FACES else str(BODY_WEIGHTS)
        if training:
            train_tracker(project, TrackerSettings(weights=str(START)), context=RunContext(no_bar))
        settings = TrackSettings(training=training, body_weights=weights)
        track_people(project, [], settings, context=RunContext(no_bar))
        found[kind] = _score(name, read_tracks(project, next(iter(project.footages)))[0])
    return found


def _score(name: str, tracks: Tracks) -> ClipScore:
    truth = read_label_file(LABELS / f"{name}.csv")
    score = evaluate(tracks, truth.labels, min_iou=truth.min_iou, exhaustive=truth.exhaustive)
    bodies = None
    if name in CLIPS:
        labels = read_body_labels(LABELS / f"bodies_{name}.csv", unseen=UNSEEN.get(name, ()))
        bodies = body_score(tracks, labels)
    return ClipScore(bodies, score.idf1, score.idp)


def missed_targets(scores: Sequence[BodyScore]) -> list[str]:
    """Return the missed targets of the clips with labelled bodies."""
    right = float(np.mean([score.right for score in scores]))
    wrong = float(np.mean([score.wrong for score in scores]))
    lowest = min(score.right for score in scores)
    checks = {
        f"mean right {right:.3f} is under {MIN_RIGHT}": right >= MIN_RIGHT,
        f"mean wrong {wrong:.3f} is over {MAX_WRONG}": wrong <= MAX_WRONG,
        f"lowest right {lowest:.3f} is under {LOWEST_RIGHT}": lowest >= LOWEST_RIGHT,
    }
    return [text for text, met in checks.items() if not met]


_LABELS: Final = {
    FACES: "untrained faces",
    BODIES: "untrained bodies",
    TRAINED: "trained bodies",
}


def figures_of(name: str, found: dict[str, ClipScore]) -> Figures:
    """Return the figures to store."""
    figures = {}
    for kind, score in found.items():
        figures[f"{_LABELS[kind]} of {name}"] = {
            "idf1": round(score.idf1, 4),
            "idp": round(score.idp, 4),
            **({"right": round(score.bodies.right, 4)} if score.bodies else {}),
        }
    return figures


def main() -> int:
    """Print one table; with --update, store the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.bodies", description=__doc__)
    available = (*CLIPS, *(name for name in FACE_CLIPS if name not in CLIPS))
    parser.add_argument("clips", nargs="*", help=f"clips to score, of {', '.join(available)}")
    parser.add_argument("--folder", type=Path, help="folder in which the projects are kept")
    parser.add_argument(
        "--trained", action="store_true", help="also with a detector trained on each clip"
    )
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parsed = parser.parse_args()
    if unknown := set(parsed.clips) - set(available):
        parser.error(f"no such clip: {', '.join(sorted(unknown))}")
    ways = WAYS if parsed.trained else WAYS[:2]
    titles = {FACES: "faces alone", BODIES: "with bodies", TRAINED: "trained, with bodies"}
    print(f"{'':14}" + "".join(f"{titles[way]:^32}" for way in ways))
    print(f"{'clip':14}" + len(ways) * "  IDF1    IDP     right  wrong   ")
    measured: Figures = {}
    scores: list[BodyScore] = []
    with tempfile.TemporaryDirectory() as passing:
        backend = best_backend()
        for name in parsed.clips or available:
            folder = parsed.folder or Path(passing)
            found = clip_scores(name, folder, backend, trained=parsed.trained)
            print(f"{name:14}" + "  ".join(found[way].cells() for way in ways), flush=True)
            measured |= figures_of(name, found)
            if (score := found[BODIES].bodies) is not None:
                scores.append(score)
    lines = missed_targets(scores) if scores else []
    print("\n".join(lines) or "the targets are met")
    return _store_or_compare(measured, update=parsed.update) or int(bool(lines))


def _store_or_compare(measured: Figures, *, update: bool) -> int:
    kept = read_figures()
    if update:
        write_figures(measured)
        print("figures written")
        return 0
    known = {row: values for row, values in measured.items() if row in kept}
    lines = worse(known, kept, tolerance=TOLERANCE)
    print("\n".join(lines) or "no figure is below the committed ones")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
