from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import Image
from data.tables.tracks import BODY, FACE, FILLED, Tracks
from data.video.frames import Frame
from data.video.reader import read_frames
from tests.tracking.track_rows import Row, timeline, tracks
from tracking.overlay import GREY, colours, draw_tracks, write_overlay

NAMES = {1: "Ann", 2: "Zoë, the 2nd"}
SIDE = 60.0
HEIGHT, WIDTH = 150, 200
BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def rows(*short: Row, top: float = 50, filled: bool = False) -> Tracks:
    """Return faces of 60 px in frames at 10 per second."""
    found = tracks(short, timeline(10), side=SIDE)
    return found.replace(
        xyxy=found.xyxy + np.array([0, top, 0, top], np.float32),
        source=np.full(len(found), FILLED if filled else FACE, np.int8),
    )


def share_of(image: Image, colour: tuple[int, int, int]) -> float:
    """Return the share of a line of pixels that has a colour."""
    return float((image == colour).all(axis=-1).mean())


def test_no_rows_leave_the_image_unchanged() -> None:
    assert np.array_equal(draw_tracks(BLACK, Tracks.empty(), NAMES), BLACK)


def test_box_and_name() -> None:
    drawn = draw_tracks(BLACK, rows((0, 1, 100)), NAMES)
    colour = colours(NAMES)[1]
    assert share_of(drawn[109, 100:160], colour) == 1  # the lower side of the box ...
    assert share_of(drawn[50:110, 159], colour) == 1  # ... and its right side
    tag = drawn[30:48, 100:130]
    assert 0.4 < share_of(tag, colour) < 1  # the name on a background of the same colour
    assert not BLACK.any()


def test_interpolated_is_dashed() -> None:
    drawn = draw_tracks(BLACK, rows((0, 1, 100), filled=True), NAMES)
    assert 0.4 < share_of(drawn[109, 100:160], colours(NAMES)[1]) < 0.8


def test_bodies_are_thin_outlines() -> None:
    """The face of a back is an estimate, and dashed."""
    body = np.array([[90, 30, 180, 400]], np.float32)
    shown = rows((0, 1, 100)).replace(body_xyxy=body)
    colour = colours(NAMES)[1]
    for source in (FACE, BODY):
        drawn = draw_tracks(BLACK, shown.replace(source=np.array([source], np.int8)), NAMES)
        assert share_of(drawn[60:, 90], colour) == share_of(drawn[60:, 179], colour) == 1
        assert share_of(drawn[60:-1, 92:98], colour) == 0  # the last line is the edge
        assert (share_of(drawn[109, 100:160], colour) == 1) == (source == FACE)


def test_no_known_person_is_grey_and_beneath() -> None:
    drawn = draw_tracks(BLACK, rows((0, -1, 100), (0, 1, 100)), NAMES)
    assert share_of(drawn[109, 100:160], GREY) == 0
    drawn = draw_tracks(BLACK, rows((0, -1, 100)), NAMES)
    assert share_of(drawn[109, 100:160], GREY) == 1


@pytest.mark.parametrize(
    ("left", "top"),
    [(0, 0), (-30, -30), (170, 120), (-500, -500), (500, 500), (0, 500)],
    ids=["corner", "over the corner", "over the far corner", "outside", "far outside", "below"],
)
def test_boxes_at_the_edge_and_beyond(left: float, top: float) -> None:
    drawn = draw_tracks(BLACK, rows((0, 2, left), top=top), NAMES)
    assert drawn.shape == BLACK.shape


@pytest.mark.parametrize("name", ["x" * 500, "李明", "🙂", " two\nlines ", "\u202eabc"])
def test_any_name_can_be_drawn(name: str) -> None:
    drawn = draw_tracks(BLACK, rows((0, 1, 20)), {1: name})
    assert share_of(drawn, colours({1: name})[1]) > 0.02


def test_a_long_name_is_shortened() -> None:
    drawn = draw_tracks(np.zeros((150, 600, 3), np.uint8), rows((0, 1, 20)), {1: "x" * 500})
    assert share_of(drawn[:, 300:], colours({1: ""})[1]) == 0


def test_a_picture_smaller_than_a_name() -> None:
    small = np.zeros((8, 8, 3), np.uint8)
    assert draw_tracks(small, rows((0, 1, 0)), NAMES).shape == small.shape


def test_colours_differ_and_stay() -> None:
    many = colours(dict.fromkeys(range(40), ""))
    assert len(set(many.values())) == 41
    assert colours({1: "", 2: ""})[1] == colours({1: "", 2: "", 7: ""})[1]


def test_video(tmp_path: Path) -> None:
    """Frames keep their times; odd sides lose a row and a column, as H.264 requires."""
    times = [0.0, 0.1, 0.5, 0.6]
    image = np.full((HEIGHT + 1, WIDTH + 1, 3), 90, np.uint8)
    frames = [Frame(index, time_s, image) for index, time_s in enumerate(times)]
    write_overlay(tmp_path / "x.mp4", frames, rows((2, 1, 100)), NAMES, rate=Fraction(10))
    back = list(read_frames(tmp_path / "x.mp4"))
    assert [round(frame.time_s, 3) for frame in back] == times
    assert [frame.image.shape for frame in back] == [(HEIGHT, WIDTH, 3)] * 4
    marked = [np.abs(frame.image.astype(int) - 90).max() > 60 for frame in back]
    assert marked == [False, False, True, False]
