"""Settings of face detection in footage."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustering.faces.backends import BackendSettings

VERSION = 1
"""Increment when the same footage and settings would give different faces."""


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """Settings of face detection in footage.

    Args:
        every_s: interval between sampled frames; None derives it from the footage's length.
        backend: detector, embedder, and the smallest face to search for.
        kept: fields of `FacesRecord` whose values in the record of a finished table count, not
            those of these settings.
        force: repeat finished work, and accept a footage that has changed.
    """

    every_s: float | None = None
    backend: BackendSettings = field(default_factory=BackendSettings)
    kept: frozenset[str] = frozenset()
    force: bool = False
