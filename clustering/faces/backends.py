"""Load the detector and the embedder selected by the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

from clustering.faces.networks.centerface import SMALLEST_PX, CenterFaceDetector
from clustering.faces.networks.detector import (
    WINDOW_PX,
    CnnDetector,
    Detector,
    FaceDetections,
    HogDetector,
    no_faces,
    require_searchable,
)
from clustering.faces.networks.embedder import Embedder, FaceEmbedder
from clustering.faces.networks.graph_cache import load_network
from clustering.faces.networks.model_graphs import centerface_graph, sface_graph
from clustering.faces.networks.sface import SFaceEmbedder
from data.core.arrays import Image
from data.core.cores import available_cores
from data.inference.models.store import read_model
from data.inference.runtime import Network, RuntimeName, runtime_named

MIN_FACE_SHARE = 1 / 12
"""Default minimum face size of dlib's detectors, as a share of the frame's height."""
CENTERFACE_SIDE_PX = 720
"""Shorter side of the largest frame that CenterFace searches at full resolution by default."""
_STREAMS = 2

DetectorName: TypeAlias = Literal["centerface", "cnn", "hog"]
EmbedderName: TypeAlias = Literal["sface", "dlib"]


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Settings of detection and embedding.

    Args:
        detector: CenterFace, dlib's CNN detector, or dlib's older and faster HOG detector.
        embedder: SFace in addition to dlib's face network, or dlib's alone.
        backend: this package, or dlib's own code through `face_recognition`.
        min_face_px: smallest face to search for; None derives it from the frame's size, see
            `default_min_face_px`.
        upsample: number of times to double the image, as in dlib; excludes ``min_face_px``.
        runtime: inference runtime; does not change the result.
        threads: cores to use; 0 means all. Does not change the result.
    """

    detector: DetectorName = "cnn"
    embedder: EmbedderName = "dlib"
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
    return _RelativeSizeDetector(settings.detector, lambda min_face_px: make(None, min_face_px))


def require_scale(settings: BackendSettings, frame_wh: tuple[int, int]) -> None:
    """Check that frames of a size in px can be searched with these settings.

    Raises:
        InputError: they would be too large.
    """
    if settings.detector == "centerface" or settings.backend == "face_recognition":
        return
    if settings.min_face_px is not None:
        require_searchable(frame_wh, scale=WINDOW_PX / settings.min_face_px)
    if settings.upsample is not None:
        require_searchable(frame_wh, scale=2**settings.upsample)


def default_min_face_px(detector: DetectorName, frame_wh: tuple[int, int]) -> float:
    """Return a detector's default minimum face size in px, for frames of this size."""
    width, height = frame_wh
    if detector == "centerface":
        return SMALLEST_PX * max(min(width, height) / CENTERFACE_SIDE_PX, 1)
    return height * MIN_FACE_SHARE


def load_embedder(settings: BackendSettings) -> FaceEmbedder:
    """Load the embedder.

    Raises:
        InputError: the backend or the runtime is not installed.
    """
    if settings.backend == "face_recognition":
        from clustering.faces.networks.dlib_backend import ReferenceEmbedder

        return ReferenceEmbedder()
    network = load_network("embedder", runtime=settings.runtime, threads=settings.threads)
    return Embedder(network)


def load_sface(settings: BackendSettings) -> SFaceEmbedder | None:
    """Load SFace; None if the settings select dlib alone.

    Raises:
        InputError: the model or the runtime is not installed.
    """
    if settings.embedder == "dlib":
        return None
    graph = sface_graph(read_model("sface"))
    return SFaceEmbedder(runtime_named(settings.runtime)(graph, settings.threads))


def _detector_factory(settings: BackendSettings) -> Callable[[int | None, float | None], Detector]:
    if settings.detector == "centerface":
        return _centerface_factory(settings)
    if settings.detector == "hog":
        return lambda upsample, px: HogDetector(upsample=upsample, min_face_px=px)
    if settings.backend == "face_recognition":
        from clustering.faces.networks.dlib_backend import ReferenceDetector

        return lambda upsample, px: ReferenceDetector(upsample=upsample, min_face_px=px)
    networks = _one_per_stream(
        settings,
        lambda threads: load_network("detector", runtime=settings.runtime, threads=threads),
    )
    return lambda upsample, px: _parallel(
        [CnnDetector(network, upsample=upsample, min_face_px=px) for network in networks]
    )


def _centerface_factory(
    settings: BackendSettings,
) -> Callable[[int | None, float | None], Detector]:
    if settings.upsample is not None:
        raise ValueError(f"upsample must be None for CenterFace, got {settings.upsample}")
    graph, start = centerface_graph(read_model("centerface")), runtime_named(settings.runtime)
    networks = _one_per_stream(settings, lambda threads: start(graph, threads))
    return lambda _, px: _parallel([CenterFaceDetector(n, min_face_px=px) for n in networks])


def _parallel(detectors: list[Detector]) -> Detector:
    return detectors[0] if len(detectors) == 1 else _ParallelDetector(detectors)


def _one_per_stream(settings: BackendSettings, load: Callable[[int], Network]) -> list[Network]:
    """Load one copy of the detector's network per parallel stream of images.

    Two copies with half the cores each keep all cores busy: with a single copy, all cores but one
    are idle while it builds an image's pyramid. More copies only use more memory.
    """
    cores = settings.threads or available_cores()
    streams = min(_STREAMS, cores)
    shares = [cores // streams + (number < cores % streams) for number in range(streams)]
    return [load(share) for share in shares]


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
    """Derive the minimum face size from each image's size: images in a folder differ in size."""

    def __init__(self, name: DetectorName, make: Callable[[float], Detector]) -> None:
        self._name = name
        self._make = make
        self._min_face_px = 0.0
        self._detector: Detector | None = None

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        detections: list[FaceDetections] = []
        for min_face_px, group in groupby(images, key=self._min_face_for):
            detections += self._detector_for(min_face_px)(list(group))
        return detections

    def _min_face_for(self, image: Image) -> float:
        return default_min_face_px(self._name, (image.shape[1], image.shape[0]))

    def _detector_for(self, min_face_px: float) -> Detector:
        if self._detector is None or min_face_px != self._min_face_px:
            # Keep only the latest: a detector holds buffers of its image size.
            self._min_face_px, self._detector = min_face_px, self._make(min_face_px)
        return self._detector
