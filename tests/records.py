"""Complete records of stages, for tests that set only a few fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.project.project import PROJECT_FILE
from data.project.stages import DetectionsRecord, FacesRecord, TrackerRecord, TracksRecord
from tracking.training.report import TrainingResult


def stored_records(folder: Path) -> dict[str, Any]:
    """Return the records in ``project.json``, by key."""
    content = json.loads((folder / PROJECT_FILE).read_text(encoding="utf-8"))
    records: dict[str, Any] = content["stages"]
    return records


def faces_record(kind: str = "video", *, every_s: float = 1.0) -> FacesRecord:
    return FacesRecord(
        version=1,
        kind=kind,
        size_bytes=1000,
        every_s=every_s,
        detector="cnn",
        backend="dlib",
        min_face_px=None,
        upsample=None,
    )


def tracker_record(
    *, dataset: str = "", person_id: tuple[int, ...] = (), version: int = 1
) -> TrackerRecord:
    return TrackerRecord(
        version=version,
        person_id=person_id,
        dataset=dataset,
        weights="",
        epochs=None,
        imgsz=None,
        batch=None,
        seed=0,
    )


def tracks_record(names: Mapping[int, str] | None = None, *, faces: str = "") -> TracksRecord:
    return TracksRecord(
        detections=DetectionsRecord(version=1, size_bytes=1000, every_nth=1, model=""),
        naming={},
        label_margin=0.0,
        classes=(),
        faces=faces,
        names=names or {},
    )


def training_result(names: Sequence[str]) -> TrainingResult:
    """Return the result of a training whose validation images show no face."""
    count = len(names)
    ones, perfect = (1,) * count, (1.0,) * count
    confusion = ((0,) * (count + 1),) * (count + 1)
    return TrainingResult(tuple(names), 1, 1, ones, ones, perfect, perfect, confusion, 1, 64, 0.0)
