"""What detections and tracks depend on, as the project notes it with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from data.core.digest import digest
from data.tables.people import Assignments

VERSION: Final = 1
"""Raised when the same footage, weights and settings would give other tracks."""


def detections_inputs(*, size_bytes: int, every_nth: int, model_key: str) -> dict[str, Any]:
    """Everything that the detections of a footage depend on."""
    return {
        "version": VERSION,
        "size_bytes": size_bytes,
        "every_nth": every_nth,
        "model": model_key,
    }


def tracks_inputs(
    detections: Mapping[str, Any],
    *,
    naming: Mapping[str, Any],
    label_margin: float,
    classes: list[int],
    faces: str,
    names: Mapping[int, str],
) -> dict[str, Any]:
    """Everything that the tracks of a footage depend on.

    Args:
        detections: inputs of these.
        naming: settings.
        label_margin: of the dataset.
        classes: person of each class of the detector.
        faces: `faces_key` of what is known of the faces.
        names: of everybody.
    """
    return {
        "detections": dict(detections),
        "naming": dict(naming),
        "label_margin": label_margin,
        "classes": classes,
        "faces": faces,
        "names": {str(person): name for person, name in names.items()},
    }


def faces_key(faces: Assignments) -> str:
    """A key of whose the faces are."""
    return digest(*(column.tobytes() for column in (faces.time_s, faces.xyxy, faces.person_id)))
