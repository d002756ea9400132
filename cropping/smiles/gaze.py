"""Head turn and eye openness of a face, from dlib's HOG detector and 68 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import cut_square
from data.core.arrays import Image
from data.inference.dlib_models import model_file

LANDMARKS_FILE: Final = "shape_predictor_68_face_landmarks.dat"
_SIDE_PX: Final = 128
_SCALE: Final = 1.6  # with an open mouth the chin is below dlib's box

# The five views of dlib's HOG detector are front, left, right and two tilted ones.
_SIDE_VIEWS: Final = (1, 2)
_MIN_SCORE: Final = -0.3  # below dlib's default of 0, since each portrait contains a face
_MAX_OFF_CENTRE: Final = 0.13  # of the portrait's side; faces beyond it are other people's

_MAX_TURN: Final = 2.0
_SIDE_TURN: Final = 0.3  # added for a side view

# Indices of the 68 landmarks; source: Sagonas et al., "300 Faces in-the-Wild Challenge", 2013.
_EYES: Final = (slice(36, 42), slice(42, 48))
_NOSE_TIP: Final = 30


@dataclass(frozen=True, slots=True)
class Gaze:
    """Head turn and eye openness of one face."""

    turn: float  # 0 towards the camera, 1 nose below an eye, 2 turned away, NaN unknown
    eyes_open: float  # height over width of the more closed eye, NaN unknown

    @classmethod
    def unknown(cls) -> Self:
        """Return an unknown gaze."""
        return cls(float("nan"), float("nan"))


class GazeReader:
    """Reads the gaze from small portraits. dlib's models are loaded on first use."""

    def portrait(self, image: Image, xyxy: NDArray[np.float32]) -> Image:
        """Return the grey portrait, ``(128, 128)``, that `read` needs.

        Args:
            image: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
            xyxy: ``(4,)`` px, dlib's box of the face.
        """
        return cut_square(image, xyxy, scale=_SCALE, side_px=_SIDE_PX)

    def read(self, portrait: Image) -> Gaze:
        """Return the gaze of the face in a grey portrait, ``(128, 128)``."""
        import dlib

        detector, predictor = _models()
        # The predictor returns landmarks for any input; those of a profile are meaningless.
        view = _view(detector, portrait)
        if view is None:
            return Gaze(_MAX_TURN, float("nan"))
        inset = round(_SIDE_PX * (1 - 1 / _SCALE) / 2)
        box = dlib.rectangle(inset, inset, _SIDE_PX - inset - 1, _SIDE_PX - inset - 1)
        points = predictor(portrait, box).parts()
        gaze = gaze_of(np.array([(point.x, point.y) for point in points], np.float32))
        side_turn = _SIDE_TURN if view in _SIDE_VIEWS else 0.0
        return Gaze(min(gaze.turn + side_turn, _MAX_TURN), gaze.eyes_open)


def _view(detector: Any, portrait: Image) -> int | None:
    """Return the number of the view that detects the face, None for no detection."""
    boxes, _, views = detector.run(portrait, 0, _MIN_SCORE)
    middle, max_offset = _SIDE_PX / 2, _SIDE_PX * _MAX_OFF_CENTRE
    for box, view in zip(boxes, views, strict=True):  # by descending score
        centre = box.center()
        if max(abs(centre.x - middle), abs(centre.y - middle)) < max_offset:
            return int(view)
    return None


@cache
def _models() -> tuple[Any, Any]:
    """Load dlib's detector and landmark predictor, 100 MB."""
    import dlib

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model_file(LANDMARKS_FILE)))


def gaze_of(points: NDArray[np.float32]) -> Gaze:
    """Return the gaze of a face from its landmarks, ``(68, 2)`` px."""
    left, right = (points[eye].mean(axis=0) for eye in _EYES)
    between_eyes = right - left
    nose_offset = float((points[_NOSE_TIP] - (left + right) / 2) @ between_eyes)
    turn = abs(nose_offset) / max(float(between_eyes @ between_eyes), 1e-6) * 2
    return Gaze(min(turn, _MAX_TURN), min(_openness(points[eye]) for eye in _EYES))


def _openness(eye: NDArray[np.float32]) -> float:
    """Return the eye aspect ratio, height over width, of an eye's landmarks, ``(6, 2)`` px.

    Source: Soukupova and Cech, "Real-time eye blink detection using facial landmarks", 2016.
    """
    height = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return float(height / max(2 * float(np.linalg.norm(eye[0] - eye[3])), 1e-6))
