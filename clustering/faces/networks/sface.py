"""SFace: an embedder that holds on small, turned and filtered faces.

Y. Zhong, W. Deng, J. Hu, D. Zhao, X. Li and D. Wen, "SFace: Sigmoid-Constrained Hypersphere Loss
for Robust Face Recognition", 2021; the network is a MobileFaceNet.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.inference.runtime import Network

SFACE_SIZE: Final = 128
SFACE_CHIP_PX: Final = 112
_BATCH: Final = 16

# Where eyes, nose and mouth corners lie in the chips of the network's training, px.
_POINTS: Final = np.array(
    [(38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)]
)
# Where dlib's five points then lie: the median over 607 clear faces of the labelled clips, px.
_DLIB_LANDMARKS: Final = np.array(
    [(80.00, 52.89), (65.71, 53.54), (29.65, 53.14), (44.18, 53.78), (55.18, 79.62)]
)

SFaceChips: TypeAlias = NDArray[np.uint8]  # (n, 112, 112, 3) RGB
Points: TypeAlias = NDArray[np.float32]  # (n, 5, 2) px


class SFaceEmbedder:
    """SFace on aligned faces, in batches. Not thread-safe, like its network."""

    def __init__(self, network: Network, *, batch: int = _BATCH) -> None:
        """Set the network of `model_graphs.sface_graph`, and the chips per call of it."""
        self._network = network
        self._batch = batch

    def embed(self, chips: SFaceChips) -> NDArray[np.float32]:
        """Embed ``(n, 112, 112, 3)`` RGB chips, ``(n, 128)``.

        The direction of an embedding is the identity. Its length is about 11 for a clear face and
        below 6 for one that cannot be recognised.
        """
        embeddings = [np.zeros((0, SFACE_SIZE), np.float32)]
        for start in range(0, len(chips), self._batch):
            planes = chips[start : start + self._batch].transpose(0, 3, 1, 2)
            embeddings.append(self._network(np.ascontiguousarray(planes, np.float32)).copy())
        return np.concatenate(embeddings)


def chips_by_points(image: Image, points: Points) -> SFaceChips:
    """Cut out faces upright, ``(n, 112, 112, 3)``.

    Args:
        image: ``(h, w, 3)`` RGB.
        points: ``(n, 5, 2)`` px: eyes, nose and mouth corners, as they lie from left to right.
    """
    return _chips(image, points, _POINTS)


def chips_by_landmarks(image: Image, landmarks: Points) -> SFaceChips:
    """Cut out faces upright by dlib's landmarks ``(n, 5, 2)`` px, ``(n, 112, 112, 3)``.

    On the labelled clips this is worse than `chips_by_points` (mean B-cubed F 0.944, not 0.973);
    on photographs it is as good.
    """
    return _chips(image, landmarks, _DLIB_LANDMARKS)


def _chips(image: Image, points: Points, template: NDArray[np.float64]) -> SFaceChips:
    size = (SFACE_CHIP_PX, SFACE_CHIP_PX)
    chips = [cv2.warpAffine(image, _similarity(five, template), size) for five in points]
    return np.array(chips, np.uint8).reshape(-1, *size, 3)


def _similarity(points: NDArray[np.float32], template: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit rotation, scale and shift of ``(5, 2)`` points to ``template``, ``(2, 3)``."""
    source = points.astype(np.float64)
    origin, target = source.mean(axis=0), template.mean(axis=0)
    # As complex numbers, rotation and scale are one factor; least squares has a closed form.
    z = (source - origin) @ np.array([1, 1j])
    w = (template - target) @ np.array([1, 1j])
    factor = np.vdot(z, w) / max(np.vdot(z, z).real, 1e-12)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.hstack([linear, (target - linear @ origin)[:, None]])
