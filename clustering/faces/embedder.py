"""Align faces and embed them: dlib's landmarks, chips and face network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustering.faces.dlib_graphs import CHIP_PX, EMBEDDING_SIZE
from clustering.faces.dlib_weights import LANDMARKS_FILE
from data.core.arrays import Image
from data.inference.dlib_models import model_file
from data.inference.runtime import Network

Boxes: TypeAlias = NDArray[np.float32]  # (n, 4) px, right and bottom exclusive
Landmarks: TypeAlias = NDArray[np.float32]  # (n, 5, 2) px
Chips: TypeAlias = NDArray[np.uint8]  # (n, 150, 150, 3) RGB
Embeddings: TypeAlias = NDArray[np.float32]  # (n, 128)

# dlib's shape predictor: image and rectangle in, an object with `parts()` out.
Predictor: TypeAlias = Callable[[Image, Any], Any]

# dlib's five points, in order: outer and inner corner of the eye at the image's right (the
# person's left), outer and inner corner of the other one, base of the nose.
LANDMARK_COUNT: Final = 5
CHIP_PADDING: Final = 0.25  # of the face on each side; what the face network was trained with
# More chips at once are no faster on a CPU and cost 15 MB each on the way through the network.
DEFAULT_BATCH: Final = 16


class FaceEmbedder(Protocol):
    """Anything that aligns and embeds faces."""

    def landmarks(self, image: Image, xyxy: Boxes) -> Landmarks:
        """Five points of each face."""
        ...

    def chips(self, image: Image, faces: Landmarks | Boxes) -> Chips:
        """Each face upright, in the middle of its own small image."""
        ...

    def embed(self, chips: Chips) -> Embeddings:
        """A point a face: near one another means the same person."""
        ...


class Embedder:
    """dlib's `face_recognition_model_v1`, exactly, with the network in batches.

    `landmarks` and `chips` hold the interpreter's lock while dlib works (under 1 ms a face) and
    `embed` gives it back. The landmark model is only read, so these two may be called from
    several threads; `embed` is for one thread at a time, as its network is.
    """

    def __init__(self, network: Network, *, batch: int = DEFAULT_BATCH) -> None:
        """Load the landmark model.

        Args:
            network: the embedder of `runtime.load_network`.
            batch: chips that go through the network at once.

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
        """Five points ``(n, 5, 2)`` of each face, whole px: eye corners and base of the nose.

        Args:
            image: (h, w, 3) RGB or (h, w) grey.
            xyxy: (n, 4) px; may reach over the edges.
        """
        return find_landmarks(self._predictor, image, xyxy)

    def chips(self, image: Image, faces: Landmarks | Boxes) -> Chips:
        """Cut out each face, rotated upright and scaled, ``(n, 150, 150, 3)``.

        Args:
            image: (h, w, 3) RGB or (h, w) grey.
            faces: landmarks (n, 5, 2) of `landmarks`, or boxes (n, 4) whose landmarks to find.
        """
        points = self.landmarks(image, faces) if faces.ndim == 2 else faces
        return aligned_chips(image, points)

    def embed(self, chips: Chips) -> Embeddings:
        """Embed ``(n, 150, 150, 3)`` chips as ``(n, 128)``; any n.

        The lengths are dlib's own, near 1.4; two faces nearer than 0.6 are taken for one person
        by `face_recognition`.
        """
        if chips.dtype != np.uint8 or chips.shape[1:] != (CHIP_PX, CHIP_PX, 3):
            raise ValueError(
                f"chips must be (n, {CHIP_PX}, {CHIP_PX}, 3) uint8, got {chips.shape} {chips.dtype}"
            )
        embeddings = np.zeros((len(chips), EMBEDDING_SIZE), np.float32)
        for start in range(0, len(chips), self._batch):
            some = np.ascontiguousarray(chips[start : start + self._batch])
            embeddings[start : start + self._batch] = self._network(some)
        return embeddings


def find_landmarks(predictor: Predictor, image: Image, xyxy: Boxes) -> Landmarks:
    """Ask dlib's predictor for the ``(n, 5, 2)`` points of the faces in ``(n, 4)`` boxes."""
    image = np.ascontiguousarray(image)
    points = np.zeros((len(xyxy), LANDMARK_COUNT, 2), np.float32)
    for face, box in enumerate(xyxy):
        shape = predictor(image, inclusive_rectangle(box))
        points[face] = [(point.x, point.y) for point in shape.parts()]
    return points


def aligned_chips(image: Image, landmarks: Landmarks) -> Chips:
    """Cut the faces with these ``(n, 5, 2)`` landmarks out of an image, as dlib does it."""
    import dlib

    if landmarks.shape[1:] != (LANDMARK_COUNT, 2):
        raise ValueError(f"landmarks must be (n, {LANDMARK_COUNT}, 2), got {landmarks.shape}")
    if len(landmarks) == 0:
        return np.zeros((0, CHIP_PX, CHIP_PX, 3), np.uint8)
    faces = dlib.full_object_detections()
    for points in np.rint(landmarks).astype(int).tolist():
        # dlib aligns by the points alone; the rectangle is not looked at.
        parts = dlib.points([dlib.point(x, y) for x, y in points])
        faces.append(dlib.full_object_detection(dlib.rectangle(), parts))
    chips = dlib.get_face_chips(rgb(image), faces, size=CHIP_PX, padding=CHIP_PADDING)
    return np.stack(chips)


def rgb(image: Image) -> Image:
    """The image as contiguous (h, w, 3); grey becomes three equal colours, as in dlib."""
    colours = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    return np.ascontiguousarray(colours)


def inclusive_rectangle(xyxy: NDArray[np.float32]) -> Any:
    """Give the box as a rectangle of dlib's: whole px, right and bottom inclusive."""
    import dlib

    left, top, right, bottom = np.rint(xyxy).astype(int).tolist()
    return dlib.rectangle(left, top, right - 1, bottom - 1)
