"""Frames per second of `track-people` end to end, against ultralytics' ``model.track``.

Run it alone: `python -m tests.benchmarks.tracking`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.execution.context import RunContext
from data.project.project import Project
from data.sample.film import draw_film
from data.tables.people import open_people
from data.video.frames import Frame
from data.video.reader import read_frames
from tests import SHARED
from tests.targets import verdict
from tracking.detection.cuts import find_cuts, thumbnail
from tracking.detection.detections import FootageDetections
from tracking.detection.detector import PersonDetector
from tracking.detection.export import exported_model, people_of_classes
from tracking.detection.networks import load_yolo
from tracking.detection.ultralytics_env import set_ultralytics_offline
from tracking.stage import TrackSettings, track_people
from tracking.tracks import LinkSettings, find_tracks
from tracking.training.stage import TrackerSettings, train_tracker

TARGET: Final = 1.5
TRACKERS: Final = ("botsort.yaml", "bytetrack.yaml")
"""The default of ``model.track``, and the association that track-people uses."""
_WEIGHTS: Final = SHARED / "weights" / "yolov5n_coco_body.pt"
_EPOCHS: Final = 3
"""Enough epochs to find faces; accuracy does not matter here."""


@dataclass(slots=True)
class Rates:
    """Frames per second, one entry per round."""

    frames: int = 0
    ours: list[float] = field(default_factory=list)
    theirs: dict[str, list[float]] = field(default_factory=lambda: {t: [] for t in TRACKERS})

    def ratio(self, tracker: str) -> float:
        """Return the ratio of fancam's median rate to that of ``tracker``."""
        return float(np.median(self.ours) / np.median(self.theirs[tracker]))


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds per frame of each part of track-people, measured alone; in a run they overlap."""

    decode_s: float
    detect_s: float  # preprocessing, network, non-maximum suppression
    network_s: float  # the network's part of detect_s
    rest_s: float  # cuts, tracklets, names, interpolation, smoothing


def report(project: Project, footage: Path, *, rounds: int = 3) -> list[str]:
    """Measure one footage of a project that has a tracker, both sides in turn."""
    rates, parts = measure(project, footage, rounds), measure_parts(project, footage)
    image_px = _facts(project).image_px
    taken_s = 1 / float(np.median(rates.ours))
    lines = [
        f"Tracking {footage.name}, frames per second ({rates.frames} frames, network at {image_px}"
        " px, same weights; both sides in turn)",
        f"  track-people, footage to CSV        {_listed(rates.ours)}",
    ]
    lines += [f"  model.track, {t:22} {_listed(rates.theirs[t])}" for t in TRACKERS]
    lines += [
        f"  track-people is {rates.ratio(t):.2f} times as fast as with {t}, target {TARGET}"
        f" {verdict(rates.ratio(t) >= TARGET)}"
        for t in TRACKERS
    ]
    return [*lines, *_where_time_goes(parts, taken_s)]


def _where_time_goes(parts: Parts, taken_s: float) -> list[str]:
    around_s = parts.detect_s - parts.network_s
    shares = {
        "decode": parts.decode_s,
        "network": parts.network_s,
        "around the network": around_s,
        "cuts, tracklets, names": parts.rest_s,
    }
    listed_parts = ", ".join(f"{name} {s * 1e3:.1f} ms" for name, s in shares.items())
    alone_s = sum(shares.values())
    return [
        f"  a frame takes {taken_s * 1e3:.1f} ms; each part alone: {listed_parts}",
        f"  together {alone_s * 1e3:.1f} ms; the network is {parts.network_s / alone_s:.0%} of it",
    ]


def measure(project: Project, footage: Path, rounds: int) -> Rates:
    """Run both sides in turn, on the CPU."""
    rates = Rates()
    exported_model(project.tracker_file)  # exported once per tracker
    for _ in range(rounds):
        start = time.perf_counter()
        settings = TrackSettings(device="cpu", force=True)
        (summary,) = track_people(project, [footage], settings, context=RunContext(_no_bar))
        rates.frames = summary.frames
        rates.ours.append(summary.frames / (time.perf_counter() - start))
        for tracker in TRACKERS:
            rates.theirs[tracker].append(_ultralytics(project, footage, tracker))
    return rates


def _ultralytics(project: Project, footage: Path, tracker: str) -> float:
    set_ultralytics_offline()
    from ultralytics.models import YOLO

    model: Any = YOLO(str(project.tracker_file))
    image_px = _facts(project).image_px
    options = {"imgsz": image_px, "stream": True, "verbose": False, "save": False, "device": "cpu"}
    start = time.perf_counter()
    frames = sum(1 for _ in model.track(str(footage), tracker=tracker, **options))
    return frames / (time.perf_counter() - start)


def measure_parts(project: Project, footage: Path, *, frames: int = 200) -> Parts:
    """Measure each part of track-people alone, on the first frames."""
    network, metadata, batch = load_yolo(project.tracker_file, device="cpu")
    spent = _Clock()
    timed = spent.around(network)
    detector = PersonDetector(timed, image_px=metadata.image_px)
    images, decode_s = _decoded(footage, frames)
    shown = [frame.image for frame in images]
    chunks = [shown[i : i + batch] for i in range(0, len(shown), batch)]
    detector(chunks[0])  # the runtime starts
    spent.seconds = 0.0
    start = time.perf_counter()
    for chunk in chunks:
        detector(chunk)
    detect_s = time.perf_counter() - start
    return Parts(
        decode_s=decode_s / len(images),
        detect_s=detect_s / len(images),
        network_s=spent.seconds / len(images),
        rest_s=_rest_s(project, footage, images),
    )


def _decoded(footage: Path, count: int) -> tuple[list[Frame], float]:
    start, kept = time.perf_counter(), []
    for frame in read_frames(footage):
        kept.append(frame)
        if len(kept) == count:
            break
    return kept, time.perf_counter() - start


def _rest_s(project: Project, footage: Path, images: list[Frame]) -> float:
    """Measure seconds per frame of the steps after the detector, from the files of a run."""
    name = next(e.name for e in project.footages.values() if e.path == footage.absolute())
    found = FootageDetections.read(project.detections_file(name))
    with open_people(project.people_file) as people:
        names, faces = people.names(), people.assignments(name)
    classes = people_of_classes(project.tracker_folder, _facts(project), names)
    start = time.perf_counter()
    small = np.stack([thumbnail(frame.image) for frame in images])
    find_cuts(np.array([frame.index for frame in images], np.int64), small)
    cuts_s = (time.perf_counter() - start) / len(images)
    start = time.perf_counter()
    margin = project.label_margin
    settings = LinkSettings()
    find_tracks(found, classes, faces, label_margin=margin, video=True, settings=settings)
    return cuts_s + (time.perf_counter() - start) / len(found.timeline)


class _Clock:
    """Sum of the time of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its time is added."""

        def timed(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = call(*arguments)
            self.seconds += time.perf_counter() - start
            return result

        return timed


def _facts(project: Project) -> Any:
    return exported_model(project.tracker_file).metadata


class _Silent:
    def update(self, n: int) -> None:
        """Show nothing."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Show nothing."""


def _no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[_Silent]:
    return nullcontext(_Silent())


def _listed(values: list[float]) -> str:
    listed = " ".join(f"{value:6.1f}" for value in values)
    return f"{float(np.median(values)):6.1f}  [{listed}]"


def prepared(footage: Path, folder: Path) -> Project:
    """Make a project of one footage with a briefly trained tracker."""
    project = Project(folder / "bench.fancam")
    cluster_faces(project, [footage], ClusterSettings(every_s=1.0), context=RunContext(_no_bar))
    weights = str(_WEIGHTS) if _WEIGHTS.exists() else "yolo11n.yaml"
    settings = TrackerSettings(weights=weights, epochs=_EPOCHS, device="cpu")
    train_tracker(project, settings, context=RunContext(_no_bar))
    return project


def talkshow(folder: Path) -> Path:
    """Return the footage to measure: a real clip, or the drawn film, written to ``folder``."""
    real = SHARED / "footage" / "talkshow_a.mp4"
    if real.exists():
        return real
    draw_film(folder / "film.mp4")
    return folder / "film.mp4"


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tracking")
    parser.add_argument(
        "--project", type=Path, help="project with a tracker; its tracks are rewritten"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if parsed.project:
            project = Project(parsed.project)
            footage = next(iter(project.footages.values())).path
        else:
            footage = talkshow(Path(folder))
            project = prepared(footage, Path(folder))
        print("\n".join(report(project, footage, rounds=parsed.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
