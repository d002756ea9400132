"""The `face_recognition` package as a backend: the reference for parity tests and benchmarks.

Selected by ``--backend face_recognition``, for a dlib built with CUDA. The package is an optional
dependency, imported on first use.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Final

import numpy as np

from clustering.faces.networks.detector import (
    Boxes64,
    FaceDetections,
    as_detections,
    check_image,
    check_upsample,
    no_faces,
    resized,
    too_small,
)
from clustering.faces.networks.dlib_graphs import EMBEDDING_SIZE
from clustering.faces.networks.embedder import (
    Chips,
    Embeddings,
    Landmarks,
    aligned_chips,
    find_landmarks,
    rgb,
)
from data.core.arrays import Image
from data.core.boxes import Boxes
from data.core.errors import InputError

_MISSING: Final = (
    "the face_recognition backend cannot be loaded ({}); pip install face_recognition "
    'face_recognition_models "setuptools<81"'
)


def load_face_recognition() -> ModuleType:
    """Import `face_recognition.api`.

    Raises:
        InputError: `face_recognition`, its models or `pkg_resources` are not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources is deprecated
        try:
            # Without the models, the next import calls sys.exit.
            importlib.import_module("face_recognition_models")
            return importlib.import_module("face_recognition.api")
        except (ImportError, SystemExit) as error:
            raise InputError(_MISSING.format(error)) from error


class ReferenceDetector:
    """dlib's own CNN detector, as run by `face_recognition.face_locations(model="cnn")`."""

    def __init__(
        self,
        *,
        upsample: int | None = None,
        min_face_px: float | None = None,
        threshold: float = 0.0,
    ) -> None:
        """Take the options of `CnnDetector`; dlib reports no face with a score below 0.

        Raises:
            InputError: `face_recognition` is not installed.
        """
        self._detector = load_face_recognition().cnn_face_detector
        self._upsample = check_upsample(upsample, min_face_px)
        self._min_face_px = min_face_px
        self._threshold = threshold

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        """Find the faces of each image, ``(h, w, 3)`` RGB or ``(h, w)`` grey."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> FaceDetections:
        check_image(image)
        scaled = np.ascontiguousarray(resized(image, self._min_face_px))
        if too_small(scaled, self._upsample):  # dlib raises or writes out of bounds
            return no_faces()
        faces = [
            f for f in self._detector(scaled, self._upsample) if f.confidence > self._threshold
        ]
        score = np.array([face.confidence for face in faces], np.float32)
        return as_detections(_inclusive([face.rect for face in faces]), score, image, scaled)


class ReferenceEmbedder:
    """dlib's own landmarks, alignment and face network, run as `face_encodings` runs them."""

    def __init__(self) -> None:
        """Load the models.

        Raises:
            InputError: `face_recognition` is not installed.
        """
        api = load_face_recognition()
        self._predictor = api.pose_predictor_5_point
        self._encoder = api.face_encoder
        self._encodings = api.face_encodings

    def landmarks(self, image: Image, xyxy: Boxes) -> Landmarks:
        """Find landmarks ``(n, 5, 2)`` in boxes ``(n, 4)``, px; see `Embedder.landmarks`."""
        return find_landmarks(self._predictor, image, xyxy)

    def chips(self, image: Image, faces: Landmarks | Boxes) -> Chips:
        """Cut out ``(n, 150, 150, 3)`` chips; see `Embedder.chips`."""
        points = self.landmarks(image, faces) if faces.ndim == 2 else faces
        return aligned_chips(image, points)

    def embed(self, chips: Chips) -> Embeddings:
        """Embed ``(n, 150, 150, 3)`` chips one by one as ``(n, 128)``; see `Embedder.embed`."""
        rows = [np.array(self._encoder.compute_face_descriptor(chip)) for chip in chips]
        return np.array(rows, np.float32).reshape(-1, EMBEDDING_SIZE)

    def encodings(self, image: Image, xyxy: Boxes) -> Embeddings:
        """Embed by `face_recognition.face_encodings` itself, for comparison.

        Args:
            image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
            xyxy: ``(n, 4)`` px.

        Returns:
            ``(n, 128)``.
        """
        # top, right, bottom, left
        boxes = [(int(y1), int(x2) - 1, int(y2) - 1, int(x1)) for x1, y1, x2, y2 in np.rint(xyxy)]
        rows = self._encodings(rgb(image), known_face_locations=boxes) if boxes else []
        return np.array(rows, np.float32).reshape(-1, EMBEDDING_SIZE)


def _inclusive(rects: Sequence[object]) -> Boxes64:
    sides = ("left", "top", "right", "bottom")
    rows = [[getattr(rect, side)() for side in sides] for rect in rects]
    return np.array(rows, np.float64).reshape(-1, 4)
