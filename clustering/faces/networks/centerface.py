"""CenterFace: a detector that finds small, dark and turned faces at about full resolution.

Y. Xu, W. Yan, H. Sun, G. Yang and J. Luo, "CenterFace: Joint Face Detection and Alignment Using
Face as Point", 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.detector import FaceDetections, check_image, no_faces, rescaled
from clustering.faces.networks.embedder import rgb
from data.core.arrays import Image
from data.core.boxes import non_maximum_suppression
from data.inference.runtime import Network

SMALLEST_PX: Final = 14.0
"""Width of the smallest face that the network finds in its input."""
MIN_SCORE: Final = 0.4
"""Over eleven labelled clips, 0.990 of the faces are found at this score, 0.981 at 0.5."""
_MAX_IOU: Final = 0.3  # of two faces, exclusive, as in the authors' code
_STRIDE: Final = 4  # px of the input per cell of the maps
_MULTIPLE: Final = 32  # of the input's sides
_TILE_PX: Final = 1920  # longest side of one input; a larger image is searched in tiles
_TILE_OVERLAP_PX: Final = 320  # a face up to this size is whole in at least one tile

# dlib's box of the same face is a square; measured over the labelled clips.
_SQUARE_SIDE: Final = 1.02  # of the square root of the box's area
_SQUARE_DOWN: Final = 0.08  # of the box's height


class CenterFaceDetector:
    """CenterFace with boxes as dlib draws them, and five points per face.

    Not thread-safe.
    """

    def __init__(
        self, network: Network, *, min_face_px: float | None = None, min_score: float = MIN_SCORE
    ) -> None:
        """Set the scale at which images are searched.

        Args:
            network: network of `model_graphs.centerface_graph`.
            min_face_px: width of the smallest face to find, px: the image is resized so that such a
                face is `SMALLEST_PX` wide; None searches the image at full resolution.
            min_score: minimum score, 0 to 1, exclusive.
        """
        if min_face_px is not None and not min_face_px > 0:
            raise ValueError(f"min_face_px must be more than 0, got {min_face_px}")
        self._network = network
        self._scale = 1.0 if min_face_px is None else SMALLEST_PX / min_face_px
        self._min_score = min_score

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        """Find the faces of each image, ``(h, w, 3)`` RGB or ``(h, w)`` grey."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> FaceDetections:
        check_image(image)
        if image.size == 0:
            return no_faces()
        scaled = rgb(rescaled(image, self._scale))
        found = np.concatenate([self._search(tile, origin) for tile, origin in _tiles(scaled)])
        best_first = found[np.argsort(-found[:, 4], kind="stable")]
        kept = non_maximum_suppression(best_first[:, :4].astype(np.float32), _MAX_IOU)
        faces = best_first[kept]
        factors = np.array([image.shape[1] / scaled.shape[1], image.shape[0] / scaled.shape[0]])
        points = faces[:, 5:].reshape(-1, 5, 2) * factors
        return FaceDetections(
            xyxy=_squares(faces[:, :4] * np.tile(factors, 2)).astype(np.float32),
            score=faces[:, 4].astype(np.float32),
            points=points.astype(np.float32),
        )

    def _search(self, tile: Image, origin_xy: tuple[int, int]) -> NDArray[np.float64]:
        """Search one tile; return ``(n, 15)`` as `_decode` does, in px of the whole image."""
        height, width = tile.shape[:2]
        rows, columns = (-(-side // _MULTIPLE) * _MULTIPLE for side in (height, width))
        batch = np.zeros((1, 3, rows, columns), np.float32)
        batch[0, :, :height, :width] = tile.transpose(2, 0, 1)
        faces = _decode(self._network(batch)[0], self._min_score)
        faces[:, [0, 2, *range(5, 15, 2)]] += origin_xy[0]
        faces[:, [1, 3, *range(6, 15, 2)]] += origin_xy[1]
        return faces


def _tiles(image: Image) -> Iterator[tuple[Image, tuple[int, int]]]:
    """Yield overlapping tiles of at most `_TILE_PX` per side, each with its upper left corner."""
    for y in _starts(image.shape[0]):
        for x in _starts(image.shape[1]):
            yield image[y : y + _TILE_PX, x : x + _TILE_PX], (x, y)


def _starts(side: int) -> list[int]:
    if side <= _TILE_PX:
        return [0]
    count = -(-(side - _TILE_OVERLAP_PX) // (_TILE_PX - _TILE_OVERLAP_PX))
    return [round(start) for start in np.linspace(0, side - _TILE_PX, count)]


def _decode(maps: NDArray[np.float32], min_score: float) -> NDArray[np.float64]:
    """Return the faces of the cells above ``min_score``.

    Args:
        maps: ``(15, rows, columns)`` output of `model_graphs.centerface_graph`.
        min_score: minimum score, exclusive.

    Returns:
        ``(n, 15)``: box x1, y1, x2, y2 in px, score, and five points x, y in px.
    """
    rows, columns = np.nonzero(maps[0] > min_score)
    values = maps[:, rows, columns].astype(np.float64)
    height, width = np.exp(values[1:3]) * _STRIDE
    centre_y = (rows + values[3] + 0.5) * _STRIDE
    centre_x = (columns + values[4] + 0.5) * _STRIDE
    x1, y1 = centre_x - width / 2, centre_y - height / 2
    points = np.empty((len(rows), 10))
    points[:, 0::2] = (x1 + values[6::2] * width).T
    points[:, 1::2] = (y1 + values[5::2] * height).T
    boxes = np.stack([x1, y1, x1 + width, y1 + height, values[0]], axis=1)
    return np.hstack([boxes, points])


def _squares(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert CenterFace's boxes ``(n, 4)``, which are taller, to squares as dlib draws them."""
    size = xyxy[:, 2:] - xyxy[:, :2]
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    centre[:, 1] += _SQUARE_DOWN * size[:, 1]
    half = _SQUARE_SIDE * np.sqrt(np.prod(size, axis=1))[:, None] / 2
    return np.hstack([centre - half, centre + half])
