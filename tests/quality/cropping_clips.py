"""Clips whose labels serve as tracks, so that cropping is measured alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.boxes import areas, clamp
from data.sample.film import draw_film
from data.sample.truth import Truth
from data.tables.timeline import Timeline
from data.tables.tracks import Tracks
from data.video.container import ASSUMED_RATE
from data.video.footage import probe
from tests.cropping.tracked_project import truth_tracks
from tracking.evaluation.label_files import read_label_file

DRAWN = "drawn film"


@dataclass(frozen=True, slots=True, eq=False)
class TrackedClip:
    """A clip with tracks of its people."""

    name: str
    footage: Path
    frame_wh: tuple[int, int]
    tracks: Tracks
    names: dict[int, str]
    timeline: Timeline

    def of(self, person: int) -> Tracks:
        """Return one person's rows."""
        return self.tracks.take(self.tracks.person_id == person)


def drawn_clip(film: Path, truth: Truth) -> TrackedClip:
    """Return a drawn film with its ground truth as tracks."""
    tracks, names, timeline = truth_tracks(truth)
    return TrackedClip(DRAWN, film, truth.frame_wh, tracks, names, timeline)


def labelled_clip(shared: Path, name: str) -> TrackedClip:
    """Return a clip of ../shared/footage with its manual labels as tracks, and its listed cuts."""
    path = shared / "footage" / f"{name}.mp4"
    file = read_label_file(shared / "footage" / "labels" / f"{name}.csv")
    noted = json.loads((shared / "footage" / "labels" / f"{name}.json").read_text("utf-8"))
    footage = probe(path)
    labels, rate = file.labels, float(footage.rate or ASSUMED_RATE)
    frames = max(int(noted["frames"]), int(labels.frame_index.max()) + 1)
    frame_wh = (footage.width, footage.height)
    xyxy = clamp(labels.xyxy, frame_wh)
    pairs = np.stack([labels.frame_index, labels.person_id], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    rows = first[(labels.person_id[first] != UNKNOWN) & (areas(xyxy[first]) > 0)]
    tracks = Tracks.ordered(
        frame_index=labels.frame_index[rows],
        time_s=labels.frame_index[rows] / rate,
        person_id=labels.person_id[rows],
        xyxy=xyxy[rows],
        confidence=np.ones(len(rows), np.float32),
        source=np.zeros(len(rows), np.int8),
    )
    index = np.arange(frames)
    cuts = np.array(noted.get("cuts", []), np.int64)
    return TrackedClip(
        name, path, frame_wh, tracks, file.names, Timeline(index, index / rate, cuts)
    )


def all_clips(shared: Path, folder: Path, names: tuple[str, ...]) -> Iterator[TrackedClip]:
    """Yield the drawn film, written to ``folder``, and the labelled clips that are available."""
    film = folder / "film.mp4"
    yield drawn_clip(film, draw_film(film))
    if shared.is_dir():
        for name in names:
            yield labelled_clip(shared, name)
