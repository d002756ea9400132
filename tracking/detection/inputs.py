"""Records of everything that detections and tracks depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data.core.digest import digest
from data.project.record import SettingsValues
from data.project.stages import DetectionsRecord, TracksRecord
from data.tables.people import Assignments

VERSION: Final = 1
"""Incremented when the same footage, weights and settings would give different tracks."""


def detections_record(
    *,
    size_bytes: int,
    every_nth: int,
    model_key: str,
    video_stream: int | None,
    bodies_key: str = "",
) -> DetectionsRecord:
    """Return the record of a footage's detections."""
    return DetectionsRecord(VERSION, size_bytes, every_nth, model_key, video_stream, bodies_key)


def tracks_record(
    detections: DetectionsRecord,
    *,
    linking: SettingsValues,
    label_margin: float,
    classes: tuple[int, ...],
    faces: str,
    names: Mapping[int, str],
    training: bool | None = None,
) -> TracksRecord:
    """Return the record of a footage's tracks.

    Args:
        detections: record of the detections.
        linking: link settings, as JSON values.
        label_margin: margin of the dataset's boxes on each side, as a share of the face.
        classes: person id of each class of the detector.
        faces: `faces_key` of the recognised faces.
        names: names of all people, by id.
        training: whether the user chose to use the trained detector; None if not chosen.
    """
    return TracksRecord(
        detections=detections,
        naming=linking,  # the key in project.json
        label_margin=label_margin,
        classes=classes,
        faces=faces,
        names=names,
        training=training,
    )


def faces_key(faces: Assignments) -> str:
    """Return a digest of faces and their people."""
    return digest(*(column.tobytes() for column in (faces.time_s, faces.xyxy, faces.person_id)))
