"""Face detection by dlib's CNN or HOG detector, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.pyramid import (
    ColourPlane,
    TiledPyramid,
    Tiling,
    colour_planes,
    doubled_hw,
    down_from_doubled,
    pyramid_up,
    tiling,
)
from data.core.arrays import Image
from data.core.errors import InputError
from data.inference.runtime import Network

Boxes64: TypeAlias = NDArray[np.float64]

WINDOW_PX: Final = 80  # side of the smallest face that the detectors find in their input
MAX_OVERLAP: Final = 0.3382761351109955  # from the detector file, set by dlib's training
# Per pixel, the tiled pyramid takes 3.7 * 3 floats, and the first layer's output 16 more: 4 GB.
MAX_INPUT_PX: Final = 40_000_000

_CELL_PX: Final = 8  # input px per output cell: three layers with stride 2
_FIRST_CELL_PX: Final = 14  # centre of the first output cell, in the input
# dlib 20.0.1 writes out of bounds on a 100x8 image, and raises RuntimeError on a 7x7 one.
_MIN_INPUT_PX: Final = 10
_MEAN_RGB: Final = (122.782, 117.001, 104.298)  # from the detector file


@dataclass(frozen=True, slots=True, eq=False)
class FaceDetections:
    """Faces of one image, best first."""

    xyxy: NDArray[np.float32]  # (n, 4) px of the input image; may extend beyond it
    score: NDArray[np.float32]  # (n,) on the detector's scale, above its threshold
    points: NDArray[np.float32] | None = None  # (n, 5, 2) px: eyes, nose, mouth corners, from left

    def __post_init__(self) -> None:
        if self.xyxy.shape != (len(self.score), 4) or self.score.ndim != 1:
            raise ValueError(
                f"xyxy must be (n, 4) and score (n,), got {self.xyxy.shape}, {self.score.shape}"
            )
        if self.points is not None and self.points.shape != (len(self.score), 5, 2):
            raise ValueError(f"points must be (n, 5, 2), got {self.points.shape}")

    def take(self, rows: NDArray[np.int64]) -> FaceDetections:
        """Return the faces in ``rows``, ``(m,)``."""
        points = None if self.points is None else self.points[rows]
        return FaceDetections(self.xyxy[rows], self.score[rows], points)

    def __len__(self) -> int:
        return len(self.score)


class Detector(Protocol):
    """Interface of the face detectors."""

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        """Find the faces of each image, ``(h, w, 3)`` RGB or ``(h, w)`` grey; n may be 0."""
        ...


class CnnDetector:
    """dlib's CNN face detector (`cnn_face_detection_model_v1`), with dlib's exact results.

    Not thread-safe.
    """

    def __init__(
        self,
        network: Network,
        *,
        upsample: int | None = None,
        min_face_px: float | None = None,
        threshold: float = 0.0,
    ) -> None:
        """Choose the scale at which images are searched; the default is their original size.

        Args:
            network: the detector from `graph_cache.load_network`.
            upsample: number of times to double the image first, as in dlib.
            min_face_px: smallest face width to find, px: the image is resized so that such a face
                is `WINDOW_PX` wide. Excludes ``upsample``.
            threshold: minimum score, exclusive; dlib uses 0.
        """
        self._network = network
        self._upsample = check_upsample(upsample, min_face_px)
        self._min_face_px = min_face_px
        self._threshold = threshold
        self._pyramid = TiledPyramid(_MEAN_RGB)

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        """Find the faces of each image, ``(h, w, 3)`` RGB or ``(h, w)`` grey.

        Raises:
            InputError: an image is too large at this scale.
        """
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> FaceDetections:
        check_image(image)
        scaled = resized(image, self._min_face_px)
        if too_small(scaled, self._upsample):
            return no_faces()
        _check_size(image, scaled, self._upsample)
        planes = colour_planes(scaled)
        for _ in range(self._upsample):
            planes = pyramid_up(planes)
        xyxy, score = self._search(planes)
        for _ in range(self._upsample):
            xyxy = down_from_doubled(xyxy)
        return as_detections(round_half_away(xyxy), score, image, scaled)

    def _search(self, planes: Sequence[ColourPlane]) -> tuple[Boxes64, NDArray[np.float32]]:
        height, width = planes[0].shape
        layout = tiling(width, height)
        scores = self._network(self._pyramid(planes))[0, 0]
        return decode(scores, layout, self._threshold)


class HogDetector:
    """dlib's frontal face detector (histograms of gradients): fast, but for upright faces only.

    Not thread-safe.
    """

    def __init__(
        self,
        *,
        upsample: int | None = None,
        min_face_px: float | None = None,
        threshold: float = 0.0,
    ) -> None:
        """Take the options of `CnnDetector`; scores are on a different scale, dlib also uses 0."""
        import dlib

        self._detector = dlib.get_frontal_face_detector()
        self._upsample = check_upsample(upsample, min_face_px)
        self._min_face_px = min_face_px
        self._threshold = threshold

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        """Find the faces of each image, ``(h, w, 3)`` RGB or ``(h, w)`` grey.

        Raises:
            InputError: an image is too large at this scale.
        """
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> FaceDetections:
        check_image(image)
        if image.size == 0:
            return no_faces()
        scaled = np.ascontiguousarray(resized(image, self._min_face_px))
        _check_size(image, scaled, self._upsample)
        rects, scores, _ = self._detector.run(scaled, self._upsample, self._threshold)
        xyxy = [(rect.left(), rect.top(), rect.right(), rect.bottom()) for rect in rects]
        score = np.array(scores, np.float32)
        return as_detections(np.array(xyxy, np.float64).reshape(-1, 4), score, image, scaled)


def no_faces() -> FaceDetections:
    """Return empty detections, n = 0."""
    return FaceDetections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def resized(image: Image, min_face_px: float | None) -> Image:
    """Resize an image so that a face of ``min_face_px`` becomes `WINDOW_PX` wide.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        min_face_px: None returns the image itself.

    Returns:
        ``(h2, w2, 3)`` or ``(h2, w2)``.
    """
    if min_face_px is None or image.size == 0:
        return image
    return rescaled(image, WINDOW_PX / min_face_px)


def rescaled(image: Image, scale: float) -> Image:
    """Resize an image by a factor; a factor of 1 returns the image itself.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey, not empty.
        scale: factor, positive.

    Returns:
        ``(h2, w2, 3)`` or ``(h2, w2)``, at least 1 px per side.
    """
    if scale == 1:
        return image
    import cv2

    height, width = image.shape[:2]
    size_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size_wh, interpolation=method), np.uint8)


def decode(
    scores: NDArray[np.float32], layout: Tiling, threshold: float
) -> tuple[Boxes64, NDArray[np.float32]]:
    """Convert the network's score map to non-overlapping faces, best first.

    Args:
        scores: ``(rows, columns)`` one score per 8 px cell of the tiled image.
        layout: tiles of the pyramid in the tiled image.
        threshold: minimum score, exclusive.

    Returns:
        Boxes ``(n, 4)`` in whole px by dlib's convention (right and bottom inclusive, (0, 0) at the
        centre of the first pixel), and their scores ``(n,)``.
    """
    rows, columns = np.nonzero(scores > threshold)
    passing = scores[rows, columns]
    best_first = np.argsort(-passing, kind="stable")
    cells = np.stack([columns, rows], axis=1)[best_first]
    centres = (cells * _CELL_PX + _FIRST_CELL_PX).astype(np.float64)
    half = (WINDOW_PX - 1) / 2
    xyxy = round_half_away(layout.to_image(np.hstack([centres - half, centres + half])))
    kept = suppress_overlaps(xyxy, MAX_OVERLAP)
    return xyxy[kept], passing[best_first][kept]


def suppress_overlaps(xyxy: Boxes64, max_overlap: float) -> list[int]:
    """Suppress boxes that overlap a better one by more than ``max_overlap``; return the kept rows.

    dlib's overlap is the intersection divided by the area of the bounding rectangle of both boxes,
    which is smaller than intersection over union.

    Args:
        xyxy: ``(n, 4)`` px, right and bottom inclusive; best first.
        max_overlap: 0 to 1.
    """
    kept: list[int] = []
    remaining = np.arange(len(xyxy))
    while remaining.size:
        best, remaining = int(remaining[0]), remaining[1:]
        kept.append(best)
        box, candidates = xyxy[best], xyxy[remaining]
        upper_left = np.maximum(box[:2], candidates[:, :2])
        lower_right = np.minimum(box[2:], candidates[:, 2:])
        inner = np.prod(np.maximum(lower_right - upper_left + 1, 0), axis=1)
        hull_upper_left = np.minimum(box[:2], candidates[:, :2])
        hull_lower_right = np.maximum(box[2:], candidates[:, 2:])
        hull = np.prod(hull_lower_right - hull_upper_left + 1, axis=1)
        remaining = remaining[inner <= max_overlap * hull]
    return kept


def round_half_away(values: Boxes64) -> Boxes64:
    """Round ``(n, 4)`` px to whole numbers, halves away from 0, like C's ``lround``."""
    return np.trunc(values + np.copysign(0.5, values))


def as_detections(
    inclusive: Boxes64, score: NDArray[np.float32], image: Image, scaled: Image
) -> FaceDetections:
    """Convert dlib's boxes in the resized image to boxes of the original.

    Args:
        inclusive: ``(n, 4)`` px of ``scaled``, right and bottom inclusive.
        score: ``(n,)`` on the detector's scale.
        image: the original, ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        scaled: the resized image.
    """
    height, width = image.shape[:2]
    factors = np.array([width / scaled.shape[1], height / scaled.shape[0]] * 2)
    exclusive = inclusive + np.array([0, 0, 1, 1])
    return FaceDetections((exclusive * factors).astype(np.float32), score)


def too_small(scaled: Image, upsample: int) -> bool:
    """Whether an ``(h, w, 3)`` image, doubled ``upsample`` times, is too small for dlib."""
    height, width = scaled.shape[:2]
    if height == 0 or width == 0:
        return True
    for _ in range(upsample):
        height, width = doubled_hw(height, width)
    return bool(min(height, width) < _MIN_INPUT_PX)


def check_image(image: Image) -> None:
    """Raise ValueError unless the image is ``(h, w, 3)`` or ``(h, w)`` uint8."""
    if image.dtype != np.uint8 or not (image.ndim == 2 or image.shape[2:] == (3,)):
        raise ValueError(
            f"an image must be (h, w, 3) or (h, w) uint8, got {image.shape} {image.dtype}"
        )


def _check_size(image: Image, scaled: Image, upsample: int) -> None:
    require_searchable(
        (image.shape[1], image.shape[0]), scale=scaled.shape[0] / image.shape[0] * 2**upsample
    )


def require_searchable(image_wh: tuple[int, int], *, scale: float) -> None:
    """Check that an image is not too large for dlib's detectors.

    Args:
        image_wh: size of the image in px.
        scale: factor of the size at which it is searched.

    Raises:
        InputError: it is too large.
    """
    width, height = (round(side * scale) for side in image_wh)
    if width * height > MAX_INPUT_PX:
        raise InputError(
            f"an image of {image_wh[0]}x{image_wh[1]} px is too large to search at "
            f"{width}x{height} px; give cluster-faces a larger --min-face, or a smaller --upsample"
        )


def check_upsample(upsample: int | None, min_face_px: float | None) -> int:
    """Return how many times to double an image; raise ValueError if the options conflict."""
    if upsample is not None and min_face_px is not None:
        raise ValueError("upsample and min_face_px both set the scale; give one of them")
    if upsample is not None and upsample < 0:
        raise ValueError(f"upsample must be 0 or more, got {upsample}")
    if min_face_px is not None and not min_face_px > 0:
        raise ValueError(f"min_face_px must be more than 0, got {min_face_px}")
    return upsample or 0
