from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clustering.faces.portraits import cut_portrait
from clustering.output.label_pictures import MAX_PX, SCALE, face_picture, write_face_picture
from data.core.errors import InputError
from data.video.pictures.jpeg import read_jpeg, write_jpeg

FRAME_WH = (1280, 720)


def frame_with_face(
    box: tuple[int, int, int, int],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a grey frame with a red face."""
    frame = np.full((FRAME_WH[1], FRAME_WH[0], 3), 90, np.uint8)
    x1, y1, x2, y2 = box
    frame[max(y1, 0) : y2, max(x1, 0) : x2] = (220, 30, 30)
    return frame


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((500, 200, 700, 400), id="in the middle"),
        pytest.param((100, 100, 140, 140), id="small"),
        pytest.param((0, 0, 200, 200), id="in a corner"),
        pytest.param((-40, 300, 160, 500), id="reaching out"),
        pytest.param((300, 20, 960, 680), id="as high as the frame"),
    ],
)
def test_the_face_fills_the_picture(box: tuple[int, int, int, int]) -> None:
    xyxy = np.array(box, np.float32)
    portrait = cut_portrait(frame_with_face(box), xyxy)
    picture = face_picture(portrait, xyxy, FRAME_WH)
    side, width, channels = picture.shape
    assert side == width <= MAX_PX
    assert channels == 3
    red = (picture[..., 0] > 160).mean()
    inside = min(box[2], FRAME_WH[0]) - max(box[0], 0)
    # Where the frame is too small for a portrait, the picture shows the face only.
    assert red >= inside / (box[2] - box[0]) / SCALE**2 - 0.2


def test_written_once(tmp_path: Path) -> None:
    box = (500, 200, 700, 400)
    xyxy = np.array(box, np.float32)
    portrait = tmp_path / "portrait.jpg"
    write_jpeg(portrait, cut_portrait(frame_with_face(box), xyxy))
    place = tmp_path / "faces" / "a.jpg"
    write_face_picture(portrait, xyxy, FRAME_WH, place)
    before = place.stat().st_mtime_ns
    write_face_picture(portrait, xyxy, FRAME_WH, place)
    assert place.stat().st_mtime_ns == before
    assert read_jpeg(place).shape[0] == MAX_PX


def test_no_portrait(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_face_picture(
            tmp_path / "none.jpg", np.zeros(4, np.float32), FRAME_WH, tmp_path / "faces" / "a.jpg"
        )
    assert not (tmp_path / "faces").exists()
