"""Whether a face is turned to the camera with its eyes open, as dlib's older models tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import cut_square
from data.inference.dlib_models import model_file

LANDMARKS_FILE: Final = "shape_predictor_68_face_landmarks.dat"
_SIDE_PX: Final = 128
_SCALE: Final = 1.6  # the chin of an open mouth is below dlib's box

# dlib's older detector is five: faces seen from the front, from either side, and tilted ones.
_FROM_ASIDE: Final = (1, 2)
_LEAST_SCORE: Final = -0.3  # below its usual 0: the face is known to be there
_OFF_CENTRE: Final = 0.13  # of the portrait's side, at most: else it is somebody else's face

_AWAY: Final = 2.0
_ASIDE: Final = 0.3

# Places of the 68 points; source: Sagonas et al., "300 Faces in-the-Wild Challenge", 2013.
_EYES: Final = (slice(36, 42), slice(42, 48))
_NOSE_TIP: Final = 30


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where one face looks."""

    turn: float  # 0 towards the camera, 1 nose under an eye, 2 away; NaN not known
    eyes_open: float  # height of the eyes over their width, of the more closed one; NaN not known

    @classmethod
    def unknown(cls) -> Self:
        """Return the gaze of a face that nobody has looked at so closely."""
        return cls(float("nan"), float("nan"))


class GazeReader:
    """Reads gazes off small portraits; loads dlib's models when the first is read."""

    def portrait(self, image: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return what `read` needs of a frame, ``(128, 128)`` grey."""
        return cut_square(image, xyxy, scale=_SCALE, side_px=_SIDE_PX)

    def read(self, portrait: NDArray[np.uint8]) -> Gaze:
        """Return the gaze of the face in a portrait."""
        import dlib

        detector, predictor = _models()
        # Landmarks are found in whatever they are given: a profile's mean nothing.
        view = _view(detector, portrait)
        if view is None:
            return Gaze(_AWAY, float("nan"))
        inset = round(_SIDE_PX * (1 - 1 / _SCALE) / 2)
        box = dlib.rectangle(inset, inset, _SIDE_PX - inset - 1, _SIDE_PX - inset - 1)
        points = predictor(portrait, box).parts()
        gaze = gaze_of(np.array([(point.x, point.y) for point in points], np.float32))
        aside = _ASIDE if view in _FROM_ASIDE else 0.0
        return Gaze(min(gaze.turn + aside, _AWAY), gaze.eyes_open)


def _view(detector: Any, portrait: NDArray[np.uint8]) -> int | None:
    """Which of the five detectors finds the face; None: none of them does."""
    boxes, _, views = detector.run(portrait, 0, _LEAST_SCORE)
    middle, reach = _SIDE_PX / 2, _SIDE_PX * _OFF_CENTRE
    for box, view in zip(boxes, views, strict=True):  # best first
        centre = box.center()
        if max(abs(centre.x - middle), abs(centre.y - middle)) < reach:
            return int(view)
    return None


@cache
def _models() -> tuple[Any, Any]:
    """Detector and landmarks of dlib: 100 MB, loaded once."""
    import dlib

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model_file(LANDMARKS_FILE)))


def gaze_of(points: NDArray[np.float32]) -> Gaze:
    """Return the gaze of a face by its landmarks, ``(68, 2)``."""
    left, right = (points[eye].mean(axis=0) for eye in _EYES)
    across = right - left
    aside = float((points[_NOSE_TIP] - (left + right) / 2) @ across)
    turn = abs(aside) / max(float(across @ across), 1e-6) * 2
    return Gaze(min(turn, _AWAY), min(_openness(points[eye]) for eye in _EYES))


def _openness(eye: NDArray[np.float32]) -> float:
    """Height of an eye over its width, of its ``(6, 2)`` outline from corner to corner.

    Source: Soukupova and Cech, "Real-time eye blink detection using facial landmarks", 2016.
    """
    height = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return float(height / max(2 * float(np.linalg.norm(eye[0] - eye[3])), 1e-6))
