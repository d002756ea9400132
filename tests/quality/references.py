"""References for tracks: YOLO per frame, ultralytics' tracking, face recognition per frame."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings, load_detector, load_embedder
from clustering.faces.extraction import Extractor
from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, as_boxes, expand
from data.tables.faces import Faces
from data.tables.tracks import FACE, FILLED, Tracks
from data.video.reader import read_frames
from tracking.detection.ultralytics_env import set_ultralytics_offline

SAME_PERSON: Final = 0.6
"""Default tolerance of face_recognition."""
_AVERAGED: Final = 5  # length of the moving average, frames


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A box detected by ultralytics."""

    frame: int
    xyxy: tuple[float, float, float, float]
    person: int  # class
    score: float
    track: int  # -1 where the box is in no track


def yolo_per_frame(weights: Path, footage: Path, *, image_px: int) -> list[Seen]:
    """Detect in every frame alone, with ultralytics' defaults."""
    results = _yolo(weights).predict(str(footage), **_options(image_px))
    return list(_seen(results))


def yolo_tracked(
    weights: Path, footage: Path, *, image_px: int, tracker: str = "botsort.yaml"
) -> list[Seen]:
    """Track with ultralytics' ``model.track`` and its defaults."""
    options = _options(image_px)
    return list(_seen(_yolo(weights).track(str(footage), tracker=tracker, **options)))


def _yolo(weights: Path) -> Any:
    set_ultralytics_offline()
    from ultralytics.models import YOLO

    return YOLO(str(weights))


def _options(image_px: int) -> dict[str, Any]:
    return {"imgsz": image_px, "stream": True, "verbose": False, "save": False, "device": "cpu"}


def _seen(results: Any) -> Iterator[Seen]:
    for frame, result in enumerate(results):
        boxes = result.boxes
        tracks = boxes.id.tolist() if boxes.id is not None else [-1] * len(boxes)
        rows = zip(
            boxes.xyxy.tolist(), boxes.cls.tolist(), boxes.conf.tolist(), tracks, strict=True
        )
        for box, person, score, track in rows:
            yield Seen(frame, (box[0], box[1], box[2], box[3]), int(person), score, int(track))


def by_majority(seen: list[Seen]) -> list[Seen]:
    """Give all boxes of a track the person that most of them were detected as."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for box in seen:
        counts[box.track][box.person] += 1
    people = {track: count.most_common(1)[0][0] for track, count in counts.items()}
    return [
        Seen(b.frame, b.xyxy, people[b.track] if b.track >= 0 else b.person, b.score, b.track)
        for b in seen
    ]


def as_tracks(seen: list[Seen], time_s: NDArray[np.float64], *, label_margin: float) -> Tracks:
    """Return the highest-scoring box of each person in each frame, as faces.

    Args:
        seen: detected boxes.
        time_s: time of every frame of the footage, ``(f,)``.
        label_margin: margin of the boxes around the face on each side, as a share of the face.
    """
    best: dict[tuple[int, int], Seen] = {}
    for box in sorted(seen, key=lambda box: box.score):
        best[box.frame, box.person] = box
    rows = list(best.values())
    frame = np.array([box.frame for box in rows], np.int64)
    xyxy = as_boxes([box.xyxy for box in rows])
    return Tracks.ordered(
        frame_index=frame,
        time_s=time_s[frame],
        person_id=np.array([box.person for box in rows], np.int64),
        xyxy=expand(xyxy, -label_margin / (1 + 2 * label_margin)),
        confidence=np.array([box.score for box in rows], np.float32),
        source=np.zeros(len(rows), np.int8),
    )


def interpolated_everywhere(tracks: Tracks, time_s: NDArray[np.float64]) -> Tracks:
    """Interpolate from each person's first detection to the last, then apply a moving average."""
    people = np.unique(tracks.person_id)
    parts = [_interpolated(tracks.take(tracks.person_id == person), time_s) for person in people]
    return Tracks.concatenate(parts)


def _interpolated(one: Tracks, time_s: NDArray[np.float64]) -> Tracks:
    frame = np.arange(one.frame_index[0], one.frame_index[-1] + 1)
    columns = [np.interp(frame, one.frame_index, side) for side in one.xyxy.T]
    return Tracks.ordered(
        frame_index=frame,
        time_s=time_s[frame],
        person_id=np.full(len(frame), one.person_id[0]),
        xyxy=np.stack([_averaged(column) for column in columns], axis=1).astype(np.float32),
        confidence=np.interp(frame, one.frame_index, one.confidence).astype(np.float32),
        source=np.where(np.isin(frame, one.frame_index), FACE, FILLED).astype(np.int8),
    )


def _averaged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ones = np.ones(_AVERAGED)
    return np.convolve(values, ones, "same") / np.convolve(np.ones_like(values), ones, "same")


def recognised(
    footage: Path, known: Faces, person_id: NDArray[np.int64], settings: BackendSettings
) -> Tracks:
    """Detect and recognise the faces of every frame alone.

    Args:
        footage: path of the video.
        known: faces that cluster-faces found.
        person_id: person of each known face, ``(n,)``; -1 unknown.
        settings: settings of detector and embedder.
    """
    people = np.unique(person_id[person_id != UNKNOWN])
    means = np.stack([known.embedding[person_id == person].mean(axis=0) for person in people])
    extractor = Extractor(load_detector(settings), load_embedder(settings))
    faces = Faces.concatenate([part.faces for part in extractor.extract(read_frames(footage))])
    distance = np.linalg.norm(faces.embedding[:, None] - means[None], axis=2)
    seen = [
        Seen(int(frame), _sides(box), int(people[row.argmin()]), 1 - float(row.min()), -1)
        for frame, box, row in zip(faces.frame_index, faces.xyxy, distance, strict=True)
        if row.min() <= SAME_PERSON
    ]
    time_s = np.zeros(int(faces.frame_index.max(initial=-1)) + 1)
    time_s[faces.frame_index] = faces.time_s
    return as_tracks(seen, time_s, label_margin=0)


def _sides(box: Boxes) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(side) for side in box)
    return left, top, right, bottom
