"""Which detector and embedder a run uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clustering.faces.detector import CnnDetector, Detector, FaceDetections, HogDetector, no_faces
from clustering.faces.embedder import Embedder, FaceEmbedder
from clustering.faces.graph_cache import load_network
from data.inference.runtime import Network, RuntimeName

MIN_FACE_SHARE = 1 / 12
"""Of the frame's height: the smallest face looked for, unless the user says otherwise."""
_STREAMS = 2


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
        from clustering.faces.dlib_backend import ReferenceEmbedder

        return ReferenceEmbedder()
    network = load_network("embedder", runtime=settings.runtime, threads=settings.threads)
    return Embedder(network)


def _maker(settings: BackendSettings) -> Callable[[int | None, float | None], Detector]:
    if settings.detector == "hog":
        return lambda upsample, px: HogDetector(upsample=upsample, min_face_px=px)
    if settings.backend == "face_recognition":
        from clustering.faces.dlib_backend import ReferenceDetector

        return lambda upsample, px: ReferenceDetector(upsample=upsample, min_face_px=px)
    networks = _detector_networks(settings)

    def make(upsample: int | None, px: float | None) -> Detector:
        detectors = [CnnDetector(n, upsample=upsample, min_face_px=px) for n in networks]
        return detectors[0] if len(detectors) == 1 else _SideBySide(detectors)

    return make


def _detector_networks(settings: BackendSettings) -> list[Network]:
    """The detector's network as often as images are looked at side by side.

    Two with half the cores each keep all cores at work: one with all of them leaves the others
    idle while an image's pyramid is made. More than two would only take memory.
    """
    cores = settings.threads or _cores()
    streams = min(_STREAMS, cores)
    shares = [cores // streams + (number < cores % streams) for number in range(streams)]
    return [load_network("detector", runtime=settings.runtime, threads=share) for share in shares]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _SideBySide:
    """Several detectors that share the images between them, each in a thread of its own."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        self._pool = ThreadPoolExecutor(len(detectors))

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[FaceDetections]:
        found: list[FaceDetections] = [no_faces()] * len(images)
        streams = len(self._detectors)
        shares = [images[number::streams] for number in range(streams)]
        results = self._pool.map(lambda detector, share: detector(share), self._detectors, shares)
        for number, result in enumerate(results):
            found[number::streams] = result
        return found


class _ShareOfHeight:
    """Looks for faces from a share of each image's height on: pictures of a folder differ."""

    def __init__(self, make: Callable[[float], Detector]) -> None:
        self._make = make
        self._height = 0
        self._detector: Detector | None = None

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[FaceDetections]:
        found: list[FaceDetections] = []
        for height, same in groupby(images, key=lambda image: image.shape[0]):
            found += self._of_height(height)(list(same))
        return found

    def _of_height(self, height: int) -> Detector:
        if self._detector is None or height != self._height:
            # Only the latest is kept: each holds buffers of its size.
            self._height, self._detector = height, self._make(height * MIN_FACE_SHARE)
        return self._detector
