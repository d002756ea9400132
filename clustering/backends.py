"""Which detector and embedder a run uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustering.detector import CnnDetector, Detections, Detector, HogDetector
from clustering.embedder import Embedder, FaceEmbedder
from clustering.runtime import load_network
from data.runtime import RuntimeName

MIN_FACE_SHARE = 1 / 12
"""Of the frame's height: the smallest face looked for, unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """What finds and embeds the faces.

    Args:
        min_face_px: smallest face that is looked for; None is a twelfth of the frame's height.
        upsample: dlib's own way to choose the scale; instead of ``min_face_px``.
        runtime, threads: make no difference to the result.
    """

    detector: Literal["cnn", "hog"] = "cnn"
    backend: Literal["fast", "face_recognition"] = "fast"
    min_face_px: float | None = None
    upsample: int | None = None
    runtime: RuntimeName = "auto"
    threads: int = 0


def load_detector(settings: BackendSettings) -> Detector:
    """Load the detector.

    Raises:
        InputError: the backend or the runtime is not installed.
    """
    make = _maker(settings)
    if settings.upsample is not None:
        return make(settings.upsample, None)
    if settings.min_face_px is not None:
        return make(None, settings.min_face_px)
    return _ShareOfHeight(lambda min_face_px: make(None, min_face_px))


def load_embedder(settings: BackendSettings) -> FaceEmbedder:
    """Load the embedder.

    Raises:
        InputError: the backend or the runtime is not installed.
    """
    if settings.backend == "face_recognition":
        from clustering.reference import ReferenceEmbedder

        return ReferenceEmbedder()
    network = load_network("embedder", runtime=settings.runtime, threads=settings.threads)
    return Embedder(network)


def _maker(settings: BackendSettings) -> Callable[[int | None, float | None], Detector]:
    if settings.detector == "hog":
        return lambda upsample, px: HogDetector(upsample=upsample, min_face_px=px)
    if settings.backend == "face_recognition":
        from clustering.reference import ReferenceDetector

        return lambda upsample, px: ReferenceDetector(upsample=upsample, min_face_px=px)
    network = load_network("detector", runtime=settings.runtime, threads=settings.threads)
    return lambda upsample, px: CnnDetector(network, upsample=upsample, min_face_px=px)


class _ShareOfHeight:
    """Looks for faces from a share of each image's height on: pictures of a folder differ."""

    def __init__(self, make: Callable[[float], Detector]) -> None:
        self._make = make
        self._height = 0
        self._detector: Detector | None = None

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        return [self._of_height(image.shape[0])([image])[0] for image in images]

    def _of_height(self, height: int) -> Detector:
        if self._detector is None or height != self._height:
            # Only the latest is kept: each holds buffers of its size.
            self._height, self._detector = height, self._make(height * MIN_FACE_SHARE)
        return self._detector
