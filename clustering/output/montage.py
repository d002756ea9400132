"""Montages: the best and most different faces of a person in one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clustering.faces.portraits import cut, fit_region
from data.core.arrays import Image
from data.core.boxes import Box

SIDE = 5  # maximum number of tiles per row and per column
TILE_PX = 160
TILE_MARGIN = 0.3  # share of the face's size, on each side
_TIME_WEIGHT = 0.5  # weight of a large time difference, relative to a typical face distance
_SAMPLED_FACES = 500  # faces sampled to estimate the typical distance


def choose_faces(
    embedding: NDArray[np.float32],
    clarity: NDArray[np.float64],
    moment_s: NDArray[np.float64],
    *,
    count: int = SIDE**2,
) -> NDArray[np.int64]:
    """Choose the best and most different faces; return their rows, ``(m,)``, in order of choice.

    Among the clearer half, choose the clearest face, then repeatedly the face that is clearest and
    farthest from all chosen ones, by embedding and by time (farthest-point sampling: Gonzalez,
    "Clustering to minimize the maximum intercluster distance", 1985). Thus the first few faces are
    the best choice of so few.

    Args:
        embedding: ``(n, d)`` embedding of each face.
        clarity: ``(n,)`` clarity of each face, above 0; see `face_clarity`.
        moment_s: ``(n,)`` time of each face, seconds; far apart for different footages.
        count: maximum number of faces.
    """
    count = min(count, len(clarity))
    if not count:
        return np.zeros(0, np.int64)
    half = max(count, (len(clarity) + 1) // 2)
    rows = np.flatnonzero(clarity >= np.sort(clarity)[-half])
    typical = _typical_distance(embedding[rows])
    spacing_s = max(float(np.ptp(moment_s[rows])) / count, 1e-6)
    nearest = np.full(len(rows), np.inf)
    chosen = [int(np.argmax(clarity[rows]))]
    while len(chosen) < count:
        last = rows[chosen[-1]]
        difference = np.linalg.norm(embedding[rows] - embedding[last], axis=1) / typical
        delay = np.minimum(np.abs(moment_s[rows] - moment_s[last]) / spacing_s, 1)
        nearest = np.minimum(nearest, difference + _TIME_WEIGHT * delay)
        # No row is chosen twice, even if all faces are equal.
        nearest[chosen] = -1
        chosen.append(int(np.argmax(nearest * clarity[rows])))
    return rows[chosen]


def _typical_distance(embedding: NDArray[np.float32]) -> float:
    sample = embedding[:: -(-len(embedding) // _SAMPLED_FACES)]
    return max(float(np.linalg.norm(sample - sample.mean(axis=0), axis=1).mean()), 1e-6)


def layout(count: int) -> tuple[int, int]:
    """Return columns and rows of the largest montage that ``count`` faces fill without a gap.

    A montage is at most 5 by 5, not higher than wide, and not a long strip, so a few faces may be
    left out.
    """
    shapes = [(c, r) for r in range(1, SIDE + 1) for c in range(r, min(2 * r + 1, SIDE) + 1)]
    return max((s for s in shapes if s[0] * s[1] <= count), key=lambda s: (s[0] * s[1], -s[0]))


def cut_tile(image: Image, xyxy: Box) -> Image:
    """Cut out a square tile in which every face has the same size, ``(TILE_PX, TILE_PX, 3)``.

    Args:
        image: ``(h, w, 3)`` RGB frame or portrait.
        xyxy: ``(4,)`` px of the image.
    """
    margin = (xyxy[2:] - xyxy[:2]).max() * TILE_MARGIN
    box = (xyxy + margin * np.array([-1, -1, 1, 1])).astype(np.float32)
    height, width = image.shape[:2]
    return cut(image, fit_region(box, 1.0, (width, height)), (TILE_PX, TILE_PX))


def build_montage(tiles: Sequence[Image]) -> Image:
    """Arrange tiles in one image; the last tiles are left out if they do not fill a row.

    Args:
        tiles: ``(h, w, 3)`` RGB images of equal size, in order.

    Returns:
        ``(rows * h, columns * w, 3)`` RGB.

    Raises:
        ValueError: there is no tile.
    """
    from imutils import build_montages

    if not tiles:
        raise ValueError("tiles must contain at least one image, got none")
    columns, rows = layout(len(tiles))
    height, width = tiles[0].shape[:2]
    # imutils expects OpenCV's BGR, but only copies pixels: RGB stays RGB.
    used = list(tiles[: columns * rows])
    (montage,) = build_montages(used, (width, height), (columns, rows))
    return np.asarray(montage, np.uint8)
