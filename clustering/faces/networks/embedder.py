"""Face alignment and embedding by dlib's landmarks, chips and face network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.dlib_graphs import CHIP_PX, EMBEDDING_SIZE
from clustering.faces.networks.dlib_weights import LANDMARKS_FILE
from data.core.arrays import Image
from data.core.boxes import Box, Boxes
from data.inference.dlib_models import model_file
from data.inference.runtime import Network

Landmarks: TypeAlias = NDArray[np.float32]  # (n, 5, 2) px
Chips: TypeAlias = NDArray[np.uint8]  # (n, 150, 150, 3) RGB
Embeddings: TypeAlias = NDArray[np.float32]  # (n, 128) dlib's Euclidean space

# dlib's shape predictor: takes an image and a rectangle, returns an object with `parts()`.
Predictor: TypeAlias = Callable[[Image, Any], Any]

# dlib's five points, in order: outer and inner corner of the eye on the right of the image (the
# person's left), outer and inner corner of the other eye, base of the nose.
LANDMARK_COUNT: Final = 5
CHIP_PADDING: Final = 0.25  # share of the face on each side, as in the face network's training
# Larger batches are no faster on a CPU, and the network takes 15 MB per chip.
DEFAULT_BATCH: Final = 16


class FaceEmbedder(Protocol):
    """Interface of the embedders."""

    def landmarks(self, image: Image, xyxy: Boxes) -> Landmarks:
        """Find five landmarks of each face, ``(n, 5, 2)`` px.

        Args:
            image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
            xyxy: ``(n, 4)`` px.
        """
        ...

    def chips(self, image: Image, faces: Landmarks | Boxes) -> Chips:
        """Cut out each face upright, ``(n, 150, 150, 3)`` RGB.

        Args:
            image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
            faces: ``(n, 5, 2)`` landmarks or ``(n, 4)`` boxes, px.
        """
        ...

    def embed(self, chips: Chips) -> Embeddings:
        """Embed ``(n, 150, 150, 3)`` chips as ``(n, 128)``; one person's embeddings are close."""
        ...


class Embedder:
    """dlib's `face_recognition_model_v1`, with dlib's exact results, in batches.

    `landmarks` and `chips` hold the interpreter's lock while dlib works (under 1 ms per face);
    `embed` releases it. `landmarks` and `chips` are thread-safe, since they only read the landmark
    model. `embed` is not, because the network is not.
    """

    def __init__(self, network: Network, *, batch: int = DEFAULT_BATCH) -> None:
        """Load the landmark model.

        Args:
            network: the embedder from `graph_cache.load_network`.
            batch: chips per call of the network.

        Raises:
            InputError: dlib's files are not installed.
        """
        import dlib

        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        self._network = network
        self._batch = batch
        self._predictor = dlib.shape_predictor(str(model_file(LANDMARKS_FILE)))

    def landmarks(self, image: Image, xyxy: Boxes) -> Landmarks:
        """Find the eye corners and the base of the nose of each face, ``(n, 5, 2)`` whole px.

        Args:
            image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
            xyxy: ``(n, 4)`` px; may extend beyond the image.
        """
        return find_landmarks(self._predictor, image, xyxy)

    def chips(self, image: Image, faces: Landmarks | Boxes) -> Chips:
        """Cut out each face, rotated upright and scaled, ``(n, 150, 150, 3)`` RGB.

        Args:
            image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
            faces: landmarks ``(n, 5, 2)``, or boxes ``(n, 4)`` to find landmarks in; px.
        """
        points = self.landmarks(image, faces) if faces.ndim == 2 else faces
        return aligned_chips(image, points)

    def embed(self, chips: Chips) -> Embeddings:
        """Embed ``(n, 150, 150, 3)`` RGB chips as ``(n, 128)``; n may be 0.

        Embeddings are not normalised: their length is about 1.4, as in dlib. `face_recognition`
        treats two faces closer than 0.6 as one person.
        """
        if chips.dtype != np.uint8 or chips.shape[1:] != (CHIP_PX, CHIP_PX, 3):
            raise ValueError(
                f"chips must be (n, {CHIP_PX}, {CHIP_PX}, 3) uint8, got {chips.shape} {chips.dtype}"
            )
        embeddings = np.zeros((len(chips), EMBEDDING_SIZE), np.float32)
        for start in range(0, len(chips), self._batch):
            batch = np.ascontiguousarray(chips[start : start + self._batch])
            embeddings[start : start + self._batch] = self._network(batch)
        return embeddings


def find_landmarks(predictor: Predictor, image: Image, xyxy: Boxes) -> Landmarks:
    """Run dlib's shape predictor on each face.

    Args:
        predictor: dlib's five-point model.
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        xyxy: ``(n, 4)`` px.

    Returns:
        ``(n, 5, 2)`` px.
    """
    image = np.ascontiguousarray(image)
    points = np.zeros((len(xyxy), LANDMARK_COUNT, 2), np.float32)
    for face, box in enumerate(xyxy):
        shape = predictor(image, inclusive_rectangle(box))
        points[face] = [(point.x, point.y) for point in shape.parts()]
    return points


def aligned_chips(image: Image, landmarks: Landmarks) -> Chips:
    """Cut out aligned faces as dlib does.

    Args:
        image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        landmarks: ``(n, 5, 2)`` px.

    Returns:
        ``(n, 150, 150, 3)`` RGB.
    """
    import dlib

    if landmarks.shape[1:] != (LANDMARK_COUNT, 2):
        raise ValueError(f"landmarks must be (n, {LANDMARK_COUNT}, 2), got {landmarks.shape}")
    if len(landmarks) == 0:
        return np.zeros((0, CHIP_PX, CHIP_PX, 3), np.uint8)
    faces = dlib.full_object_detections()
    for points in np.rint(landmarks).astype(int).tolist():
        # dlib aligns by the points alone and ignores the rectangle.
        parts = dlib.points([dlib.point(x, y) for x, y in points])
        faces.append(dlib.full_object_detection(dlib.rectangle(), parts))
    chips = dlib.get_face_chips(rgb(image), faces, size=CHIP_PX, padding=CHIP_PADDING)
    return np.stack(chips)


def rgb(image: Image) -> Image:
    """Return a contiguous ``(h, w, 3)`` copy; ``(h, w)`` grey becomes three equal channels."""
    channels = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    return np.ascontiguousarray(channels)


def inclusive_rectangle(xyxy: Box) -> Any:
    """Convert a ``(4,)`` box to a dlib rectangle: whole px, right and bottom inclusive."""
    import dlib

    left, top, right, bottom = np.rint(xyxy).astype(int).tolist()
    return dlib.rectangle(left, top, right - 1, bottom - 1)
