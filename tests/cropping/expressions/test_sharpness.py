from __future__ import annotations

import cv2
import numpy as np

from cropping.expressions.patch import face_sharpness
from tests.cropping.drawn_smiles import box, portrait


def test_blur_lowers_sharpness() -> None:
    face = portrait("Leila")
    blurred = np.asarray(cv2.GaussianBlur(face, (0, 0), 3), np.uint8)
    assert face_sharpness(blurred, box("Leila")) < 0.5 * face_sharpness(face, box("Leila"))


def test_a_small_face_enlarged_is_not_sharp() -> None:
    face = portrait("Leila")
    small = cv2.resize(face, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    sharpness = face_sharpness(np.asarray(small, np.uint8), (box("Leila") / 4).astype(np.float32))
    assert sharpness < 0.7 * face_sharpness(face, box("Leila"))


def test_brightness_matters_little() -> None:
    face = portrait("Leila")
    dim = (face * 0.5).astype(np.uint8)
    ratio = face_sharpness(dim, box("Leila")) / face_sharpness(face, box("Leila"))
    assert 0.7 < ratio < 1.3


def test_a_black_image_is_not_sharp() -> None:
    assert face_sharpness(np.zeros((50, 50, 3), np.uint8), box("Leila")) == 0
