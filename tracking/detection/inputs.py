"""What detections and tracks depend on, as the project notes it with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data.core.digest import digest
from data.project.record import SettingsValues
from data.project.stages import DetectionsRecord, TracksRecord
from data.tables.people import Assignments

VERSION: Final = 1
"""Raised when the same footage, weights and settings would give other tracks."""


def detections_record(*, size_bytes: int, every_nth: int, model_key: str) -> DetectionsRecord:
    """Everything that the detections of a footage depend on."""
    return DetectionsRecord(VERSION, size_bytes, every_nth, model_key)


def tracks_record(
    detections: DetectionsRecord,
    *,
    naming: SettingsValues,
    label_margin: float,
    classes: tuple[int, ...],
    faces: str,
    names: Mapping[int, str],
) -> TracksRecord:
    """Everything that the tracks of a footage depend on.

    Args:
        detections: record of these.
        naming: settings.
        label_margin: of the dataset.
        classes: person of each class of the detector.
        faces: `faces_key` of what is known of the faces.
        names: of everybody.
    """
    return TracksRecord(
        detections=detections,
        naming=naming,
        label_margin=label_margin,
        classes=classes,
        faces=faces,
        names=names,
    )


def faces_key(faces: Assignments) -> str:
    """A key of whose the faces are."""
    return digest(*(column.tobytes() for column in (faces.time_s, faces.xyxy, faces.person_id)))
