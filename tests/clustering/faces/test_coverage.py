"""What a detector saw of a footage, and the advice where it missed much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clustering.faces.coverage import Coverage, coverage
from data.project.stages import FacesRecord
from data.tables.faces import Faces, Frames
from tests.clustering.labelled_footage import table
from tests.records import faces_record

HD = (1280, 720)
PROJECT = Path("film.fancam")


def record(detector: str = "centerface", **changes: object) -> FacesRecord:
    return replace(faces_record(), detector=detector, **changes)  # type: ignore[arg-type]


def frames(count: int, *, sizes: Sequence[tuple[int, int]] = (HD,)) -> Frames:
    """Return frames of these sizes in turn."""
    wh = [sizes[number % len(sizes)] for number in range(count)]
    return table(
        Frames, count, frame_index=np.arange(count) * 5, frame_wh=np.array(wh).reshape(-1, 2)
    )


def faces(*widths: float) -> Faces:
    """Return one face per frame, of these widths in px."""
    width = np.array(widths, np.float32)
    xyxy = np.stack([width * 0, width * 0, width, width], axis=1)
    return table(Faces, len(width), frame_index=np.arange(len(width)) * 5, xyxy=xyxy)


def seen(shown: Faces, of: Frames, made: FacesRecord | None = None) -> Coverage:
    return coverage(of, shown, made or record())


def test_sizes_and_frames_without_faces() -> None:
    found = seen(faces(100, 20, 60), frames(5))
    assert found.smallest_median_largest_px == (20, 60, 100)
    assert (found.frames, found.empty_frames, found.faces) == (5, 2, 3)


def test_several_faces_of_one_frame_fill_one_frame() -> None:
    three = faces(50, 60, 70).replace(frame_index=np.array([5, 5, 5]))
    assert seen(three, frames(2)).empty_frames == 1


@pytest.mark.parametrize("detector", ["centerface", "cnn"])
def test_no_faces_at_all(detector: str) -> None:
    found = seen(Faces.empty(), frames(8), record(detector))
    assert found.smallest_median_largest_px == (0, 0, 0)
    assert (found.empty_frames, found.faces, found.at_limit) == (8, 0, 0)
    assert found.advice(PROJECT).startswith("no face in 8 of 8 frames; ")


def test_no_frames() -> None:
    found = seen(Faces.empty(), Frames.empty())
    assert (found.frames, found.empty_frames) == (0, 0)
    assert found.advice(PROJECT) == ""


# --- the smallest size looked for -------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "size", "expected"),
    [
        pytest.param(record(), HD, 14, id="CenterFace at 720p"),
        pytest.param(record(), (720, 1280), 14, id="CenterFace upright"),
        pytest.param(record(), (3840, 2160), 42, id="CenterFace at 4K"),
        pytest.param(record(), (320, 180), 14, id="CenterFace on small frames"),
        pytest.param(record("cnn"), HD, 60, id="dlib's CNN"),
        pytest.param(record("cnn"), (720, 1280), 1280 / 12, id="dlib's CNN upright"),
        pytest.param(record("hog"), HD, 60, id="HOG"),
        pytest.param(record("cnn", upsample=0), HD, 80, id="not upsampled"),
        pytest.param(record("cnn", upsample=2), HD, 20, id="upsampled twice"),
        pytest.param(record(min_face_px=33.0), HD, 33, id="set for CenterFace"),
        pytest.param(record("cnn", min_face_px=24), HD, 24, id="set for dlib"),
    ],
)
def test_the_smallest_size(made: FacesRecord, size: tuple[int, int], expected: float) -> None:
    found = seen(faces(500), frames(3, sizes=[size]), made)
    assert found.min_face_px == pytest.approx(expected)


def test_photographs_of_several_sizes_have_a_typical_one() -> None:
    small, large = (640, 480), (4000, 3000)
    found = seen(faces(500), frames(3, sizes=[large, large, small]), record(kind="images"))
    assert found.min_face_px == pytest.approx(14 * 3000 / 720)


# --- advice -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "count", "made", "expected"),
    [
        pytest.param(faces(50, 60, 70), 5, record(), "", id="few frames empty"),
        pytest.param(
            faces(50, 60),
            5,
            record(),
            "no face in 3 of 5 frames; to find faces smaller than 14 px: "
            "cluster-faces --project film.fancam --min-face 8",
            id="many frames empty",
        ),
        pytest.param(
            faces(15, *[60] * 5),
            6,
            record(),
            "1 of 6 faces is as small as the smallest size searched for; "
            "to find faces smaller than 14 px: cluster-faces --project film.fancam --min-face 8",
            id="faces at the limit",
        ),
        pytest.param(faces(15, *[60] * 10), 11, record(), "", id="few faces at the limit"),
        pytest.param(
            faces(70, 65, 90),
            3,
            record("cnn"),
            "2 of 3 faces are as small as the smallest size searched for; "
            "to find smaller faces: cluster-faces --project film.fancam --detector centerface",
            id="dlib at its limit",
        ),
        pytest.param(
            faces(200),
            4,
            record("hog"),
            "no face in 3 of 4 frames; "
            "to find smaller faces: cluster-faces --project film.fancam --detector centerface",
            id="dlib with empty frames",
        ),
        pytest.param(faces(200, 300), 3, record("cnn"), "", id="dlib with large faces"),
        pytest.param(
            faces(42, 90),
            2,
            record(min_face_px=40.0),
            "1 of 2 faces is as small as the smallest size searched for; "
            "to find faces smaller than 40 px: cluster-faces --project film.fancam --min-face 24",
            id="a size was set",
        ),
        pytest.param(
            faces(82),
            1,
            record("cnn", upsample=0),
            "1 of 1 face is as small as the smallest size searched for; "
            "to find faces smaller than 80 px: "
            "cluster-faces --project film.fancam --detector centerface --min-face 48",
            id="upsample was set",
        ),
        pytest.param(
            faces(25, 90),
            2,
            record("hog", min_face_px=24.0),
            "1 of 2 faces is as small as the smallest size searched for; "
            "to find faces smaller than 24 px: "
            "cluster-faces --project film.fancam --detector centerface --min-face 14",
            id="a size was set for dlib",
        ),
        pytest.param(faces(90), 3, record(min_face_px=4.0), "", id="no smaller size is possible"),
    ],
)
def test_advice(shown: Faces, count: int, made: FacesRecord, expected: str) -> None:
    assert seen(shown, frames(count), made).advice(PROJECT) == expected


@pytest.mark.parametrize("kind", ["images", "image"])
def test_photographs_without_faces_are_called_pictures(kind: str) -> None:
    advice = seen(faces(200), frames(4), record(kind=kind)).advice(PROJECT)
    assert advice.startswith("no face in 3 of 4 pictures; ")
