"""Whether a face is turned to the camera with its eyes open, by dlib's 68 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cropping.face_patch import cut_square
from data.dlib_models import model_file

LANDMARKS_FILE: Final = "shape_predictor_68_face_landmarks.dat"
_SIDE_PX: Final = 128
_SCALE: Final = 1.6  # the chin of an open mouth is below dlib's box

# Places of the 68 points; source: Sagonas et al., "300 Faces in-the-Wild Challenge", 2013.
_EYES: Final = (slice(36, 42), slice(42, 48))
_NOSE_TIP: Final = 30


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where one face looks."""

    turn: float  # 0 towards the camera, 1 nose under an eye; NaN not known
    eyes_open: float  # height of the eyes over their width, of the more closed one; NaN not known

    @classmethod
    def unknown(cls) -> Self:
        """Return the gaze of a face that nobody has looked at so closely."""
        return cls(float("nan"), float("nan"))


class GazeReader:
    """Reads gazes off small portraits; loads dlib's landmarks when the first is read."""

    def __init__(self) -> None:
        self._predictor: Any = None

    def portrait(self, image: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return what `read` needs of a frame, ``(128, 128)`` grey."""
        return cut_square(image, xyxy, scale=_SCALE, side_px=_SIDE_PX)

    def read(self, portrait: NDArray[np.uint8]) -> Gaze:
        """Return the gaze of the face in a portrait."""
        import dlib

        if self._predictor is None:
            self._predictor = dlib.shape_predictor(str(model_file(LANDMARKS_FILE)))
        inset = round(_SIDE_PX * (1 - 1 / _SCALE) / 2)
        box = dlib.rectangle(inset, inset, _SIDE_PX - inset - 1, _SIDE_PX - inset - 1)
        points = self._predictor(portrait, box).parts()
        return gaze_of(np.array([(point.x, point.y) for point in points], np.float32))


def gaze_of(points: NDArray[np.float32]) -> Gaze:
    """Return the gaze of a face by its landmarks, ``(68, 2)``."""
    left, right = (points[eye].mean(axis=0) for eye in _EYES)
    across = right - left
    aside = float((points[_NOSE_TIP] - (left + right) / 2) @ across)
    turn = abs(aside) / max(float(across @ across), 1e-6) * 2
    return Gaze(min(turn, 2.0), min(_openness(points[eye]) for eye in _EYES))


def _openness(eye: NDArray[np.float32]) -> float:
    """Height of an eye over its width, of its ``(6, 2)`` outline from corner to corner.

    Source: Soukupova and Cech, "Real-time eye blink detection using facial landmarks", 2016.
    """
    height = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return float(height / max(2 * float(np.linalg.norm(eye[0] - eye[3])), 1e-6))
