from __future__ import annotations

import numpy as np
import pytest

from cropping.smiles.gaze import Gaze, GazeReader, gaze_of
from tests.cropping.drawn_smiles import box, portrait


def landmarks(*, nose_x: float = 50, eye_height: float = 6) -> np.ndarray:
    """Return 68 landmarks of a face; only eyes and nose matter."""
    points = np.zeros((68, 2), np.float32)
    for first, x in ((36, 30), (42, 70)):
        lid = eye_height / 2
        outline = [(-10, 0), (-4, -lid), (4, -lid), (10, 0), (4, lid), (-4, lid)]
        points[first : first + 6] = np.array(outline) + np.array([x, 40])
    points[30] = (nose_x, 60)
    return points


@pytest.mark.parametrize(
    ("nose_x", "turn"), [(50, 0.0), (70, 1.0), (30, 1.0), (60, 0.5), (500, 2.0)]
)
def test_turn_is_where_the_nose_is(nose_x: float, turn: float) -> None:
    assert gaze_of(landmarks(nose_x=nose_x)).turn == pytest.approx(turn)


def test_a_tilted_head_is_not_turned() -> None:
    angle = 0.4
    turned = landmarks() @ np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32
    )
    assert gaze_of(turned).turn == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(("height", "open_"), [(0, 0.0), (6, 0.3)])
def test_eyes_open_is_height_over_width(height: float, open_: float) -> None:
    assert gaze_of(landmarks(eye_height=height)).eyes_open == pytest.approx(open_)


def test_the_more_closed_eye_counts() -> None:
    points = landmarks()
    points[42:48, 1] = 40
    assert gaze_of(points).eyes_open == 0


def test_points_in_one_place_are_no_division_by_zero() -> None:
    assert gaze_of(np.zeros((68, 2), np.float32)) == Gaze(0.0, 0.0)


@pytest.mark.parametrize("name", ["Leila", "Mei", "Amara"])
def test_a_drawn_face_is_read(name: str) -> None:
    reader = GazeReader()
    ahead = reader.read(reader.portrait(portrait(name), box(name)))
    aside = reader.read(reader.portrait(portrait(name, yaw_deg=70), box(name)))
    assert ahead.turn < 0.25
    assert ahead.eyes_open > 0.2
    assert aside.turn > 1


def test_no_face_looks_away() -> None:
    gaze = GazeReader().read(np.zeros((128, 128), np.uint8))
    assert gaze.turn == 2
    assert np.isnan(gaze.eyes_open)


def test_unknown() -> None:
    assert np.isnan(Gaze.unknown().turn)
