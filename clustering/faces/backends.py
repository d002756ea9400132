"""Load the detector and the embedder selected by the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from clustering.faces.detector import CnnDetector, Detector, FaceDetections, HogDetector, no_faces
from clustering.faces.embedder import Embedder, FaceEmbedder
from clustering.faces.graph_cache import load_network
from data.core.arrays import Image
from data.core.cores import available_cores
from data.inference.runtime import Network, RuntimeName

MIN_FACE_SHARE = 1 / 12
"""Default of the smallest face to search for, as a share of the frame's height."""
_STREAMS = 2


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Settings of detection and embedding.

    Args:
        detector: dlib's CNN detector, or the older and faster HOG detector.
        backend: this package, or dlib's own code through `face_recognition`.
        min_face_px: smallest face to search for; None means a twelfth of the frame's height.
        upsample: number of times to double the image, as in dlib; excludes ``min_face_px``.
        runtime: inference runtime; does not change the result.
        threads: cores to use; 0 means all. Does not change the result.
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
    make = _detector_factory(settings)
    if settings.upsample is not None:
        return make(settings.upsample, None)
    if settings.min_face_px is not None:
        return make(None, settings.min_face_px)
    return _RelativeSizeDetector(lambda min_face_px: make(None, min_face_px))


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


def _detector_factory(settings: BackendSettings) -> Callable[[int | None, float | None], Detector]:
    if settings.detector == "hog":
        return lambda upsample, px: HogDetector(upsample=upsample, min_face_px=px)
    if settings.backend == "face_recognition":
        from clustering.faces.dlib_backend import ReferenceDetector

        return lambda upsample, px: ReferenceDetector(upsample=upsample, min_face_px=px)
    networks = _detector_networks(settings)

    def make(upsample: int | None, px: float | None) -> Detector:
        detectors = [CnnDetector(n, upsample=upsample, min_face_px=px) for n in networks]
        return detectors[0] if len(detectors) == 1 else _ParallelDetector(detectors)

    return make


def _detector_networks(settings: BackendSettings) -> list[Network]:
    """Load one copy of the detector's network per image in parallel.

    Two copies with half the cores each keep all cores busy: a single copy leaves the others idle
    while it builds an image's pyramid. More than two would only take memory.
    """
    cores = settings.threads or available_cores()
    streams = min(_STREAMS, cores)
    shares = [cores // streams + (number < cores % streams) for number in range(streams)]
    return [load_network("detector", runtime=settings.runtime, threads=share) for share in shares]


class _ParallelDetector:
    """Distribute the images of a batch over detectors, each in its own thread."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        self._pool = ThreadPoolExecutor(len(detectors))

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        detections: list[FaceDetections] = [no_faces()] * len(images)
        streams = len(self._detectors)
        shares = [images[number::streams] for number in range(streams)]
        results = self._pool.map(lambda detector, share: detector(share), self._detectors, shares)
        for number, result in enumerate(results):
            detections[number::streams] = result
        return detections


class _RelativeSizeDetector:
    """Derive the smallest face from each image's height: the images of a folder differ in size."""

    def __init__(self, make: Callable[[float], Detector]) -> None:
        self._make = make
        self._height = 0
        self._detector: Detector | None = None

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        detections: list[FaceDetections] = []
        for height, group in groupby(images, key=lambda image: image.shape[0]):
            detections += self._detector_for(height)(list(group))
        return detections

    def _detector_for(self, height: int) -> Detector:
        if self._detector is None or height != self._height:
            # Keep only the latest: a detector holds buffers of its image size.
            self._height, self._detector = height, self._make(height * MIN_FACE_SHARE)
        return self._detector
