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
        keep_backend: keep finished tables that were made with another detector or embedder, and, if
            ``backend`` sets no minimum face size, with another minimum face size.
        force: repeat finished work, and accept a footage that has changed.
    """

    every_s: float | None = None
    backend: BackendSettings = field(default_factory=BackendSettings)
    keep_backend: bool = False
    force: bool = False
