"""Quality of faces for recognition: sharpness, head turn, and the resulting weight."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.embedder import Chips, Landmarks
from data.core.boxes import sizes_wh
from data.tables.faces import Faces


def sharpness(chips: Chips) -> NDArray[np.float32]:
    """Measure the fine detail of aligned faces, ``(n,)``; about 0 for a blurred face.

    The standard deviation of the Laplacian is divided by the contrast, so that dim footage does not
    count as blurred. Small faces are enlarged to the chip size and thus score as blurred, which is
    intended.

    Args:
        chips: ``(n, 150, 150, 3)`` RGB.
    """
    return np.array([_sharpness(chip) for chip in chips], np.float32)


def _sharpness(chip: NDArray[np.uint8]) -> float:
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)[30:-30, 30:-30]
    laplacian = cv2.Laplacian(grey, cv2.CV_32F, ksize=3)
    return float(laplacian.std() / (grey.std() + 5))


def turn(landmarks: Landmarks) -> NDArray[np.float32]:
    """Measure how far heads are turned sideways, ``(n,)``: 0 frontal, 1 nose below an eye.

    Args:
        landmarks: ``(n, 5, 2)`` px: outer and inner corner of each eye, base of the nose.
    """
    eyes = (landmarks[:, 0:2].mean(axis=1), landmarks[:, 2:4].mean(axis=1))
    midpoint, eye_line = (eyes[0] + eyes[1]) / 2, eyes[0] - eyes[1]
    length = np.linalg.norm(eye_line, axis=1)
    offset = ((landmarks[:, 4] - midpoint) * eye_line).sum(axis=1) / np.maximum(length, 1e-6) ** 2
    return np.asarray(np.minimum(np.abs(offset) * 2, 2), np.float32)


def quality(faces: Faces) -> NDArray[np.float32]:
    """Return the weight of each face as evidence of identity, ``(n,)`` in (0, 1]."""
    size = np.minimum(sizes_wh(faces.xyxy)[:, 1] / 80, 1)
    sharp = np.minimum(faces.sharpness / 0.5, 1)
    frontal = np.clip(1.2 - faces.turn, 0.1, 1)
    confident = np.clip(0.3 + 0.7 * faces.score, 0.1, 1)
    return np.asarray(np.maximum(size * sharp * frontal * confident, 0.01), np.float32)
