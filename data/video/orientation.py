"""Turn frames upright by the display matrix of the container or the camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av import VideoFrame
    from av.buffer import Buffer


@dataclass(frozen=True, slots=True)
class Orientation:
    """Operations that make stored pixels upright: transpose first, then mirror."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    def upright(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an upright, contiguous copy of ``image``, ``(h, w, 3)``."""
        return np.array(self.upright_view(image), order="C", copy=True)

    def upright_view(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an upright view of the memory of ``image``, ``(h, w)`` or ``(h, w, 3)``."""
        view = image.swapaxes(0, 1) if self.transposed else image
        step_y, step_x = (-1 if self.mirrored_y else 1), (-1 if self.mirrored_x else 1)
        return view[::step_y, ::step_x]

    def upright_wh(self, width: int, height: int) -> tuple[int, int]:
        """Return the upright size of a frame stored as ``width`` by ``height``."""
        return (height, width) if self.transposed else (width, height)


def orientation_of(frame: VideoFrame) -> Orientation:
    """Read the orientation from the display matrix of ``frame``; no change without a matrix.

    libavcodec turns the EXIF orientation of a JPEG frame into a display matrix.
    """
    matrix = side_data_of(frame).get("DISPLAYMATRIX")
    return Orientation() if matrix is None else _from_matrix(np.frombuffer(bytes(matrix), np.int32))


def side_data_of(frame: VideoFrame) -> Mapping[str, Buffer]:
    """Return the side data of a frame by PyAV's names of their types."""
    from av.sidedata.sidedata import SideDataContainer

    _accept_unknown_side_data()
    # Not frame.side_data: it forms a reference cycle with the frame, so decoded frames would
    # fill the memory until the garbage collector runs.
    return cast("Mapping[str, Buffer]", SideDataContainer(frame))  # type: ignore[call-arg]


@cache
def _accept_unknown_side_data() -> None:
    """Let PyAV list side data of types that it has no name for, such as EXIF.

    Its enumeration of types raises ValueError for them, and with it the list of all side data.
    """
    from av.sidedata.sidedata import Type

    def unknown(kind: type[Type], value: object) -> Type:
        member: Any = object.__new__(kind)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        kind._value2member_map_[value] = member
        return cast("Type", member)

    Type._missing_ = classmethod(unknown)  # type: ignore[assignment,method-assign]


def _from_matrix(matrix: NDArray[np.int32]) -> Orientation:
    """Return the nearest combination of a quarter turn and mirroring.

    libavutil/display.h: row-major 3x3, and a stored point (p, q) is shown at
    (a p + c q, b p + d q) with a, b, c, d = matrix[0], [1], [3], [4].
    """
    if len(matrix) < 9:
        return Orientation()
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, mirrored_x=c < 0, mirrored_y=b < 0)
    return Orientation(mirrored_x=a < 0, mirrored_y=d < 0)
