"""Motion of the camera between consecutive frames, from sparse optical flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from tracking.detection.ultralytics_env import set_ultralytics_offline

Motion: TypeAlias = NDArray[np.float32]
"""``(f, 2, 3)`` affine transforms of px of the upright frame."""
_GREY_PX: Final = 320  # longer side
_MAX_SHARE: Final = 0.1
"""A larger motion of the picture's centre between two frames, as a share of its longer side, is a
cut that `cuts.find_cuts` missed: a camera does not move by a tenth of its picture in a frame."""
_MIN_CONTRAST: Final = 4.0  # standard deviation of the grey levels; less has no corners to follow


def grey(image: Image) -> tuple[NDArray[np.uint8], float]:
    """Return a small grey picture ``(h, w)`` of a frame ``(h, w, 3)`` RGB, and its scale."""
    height, width = image.shape[:2]
    scale = min(_GREY_PX / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8), scale


def motions(greys: list[NDArray[np.uint8]], scale: float) -> Motion:
    """Return the motion before each of consecutive frames, ``(f, 2, 3)``; first the identity."""
    return np.stack(list(_motions(greys, scale))).astype(np.float32)


def motion_between(
    before: NDArray[np.uint8], after: NDArray[np.uint8], scale: float
) -> NDArray[np.float32]:
    """Return the motion between two frames, ``(2, 3)``, px of the full frame."""
    return np.asarray(motions([before, after], scale)[1])


def _motions(greys: list[NDArray[np.uint8]], scale: float) -> Iterator[NDArray[np.float64]]:
    """Yield the motion before each frame; without texture, the identity; for a jump, NaN.

    Source: Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022,
    https://arxiv.org/abs/2206.14651, as implemented in ultralytics.
    """
    set_ultralytics_offline()
    from ultralytics.trackers.utils.gmc import GMC

    method: Any = GMC  # type: ignore[no-untyped-call, unused-ignore]
    estimator: Any = None
    shape: tuple[int, ...] = ()
    for picture in greys:
        if picture.std() < _MIN_CONTRAST or picture.shape != shape:
            estimator = None
        shape = picture.shape
        if picture.std() < _MIN_CONTRAST:
            yield np.eye(2, 3)
            continue
        estimator = estimator or method("sparseOptFlow", 1)
        found = np.array(estimator.apply(picture[:, :, None]), np.float64)
        moved = found @ (picture.shape[1] / 2, picture.shape[0] / 2, 1)
        moved -= (picture.shape[1] / 2, picture.shape[0] / 2)
        if np.linalg.norm(moved) > _MAX_SHARE * max(picture.shape):
            found[:] = np.nan
        found[:, 2] /= scale
        yield found
