from __future__ import annotations

import numpy as np
import pytest

from cropping.camera.subject import PictureArea, body_boxes, face_boxes, head_boxes
from tests.cropping.tracked_project import at_rate, box, tracks_of

AREA = PictureArea.whole((640, 360))
BODY = (160.0, 40.0, 260.0, 340.0)
FRAMES = 60


def test_an_estimated_head_joins_the_detected_faces() -> None:
    """The back of a head is estimated 30 px beside the face, while the body stands still."""
    timeline, turned = at_rate(FRAMES), range(20, 40)
    faces = {f: box(240 if f in turned else 210, 70, 30) for f in range(FRAMES)}
    tracks = tracks_of(
        timeline, {1: faces}, bodies=dict.fromkeys(range(FRAMES), BODY), turned=turned
    )
    found = face_boxes(tracks, timeline.time_s, AREA)
    middle = found[:, [0, 2]].mean(axis=1)
    assert np.abs(np.diff(middle)).max() < 6
    assert (middle[[*range(20), *range(40, 60)]] == 210).all()
    assert middle[30] > 230


def test_motion_of_the_body_is_no_error_of_the_estimate() -> None:
    """The head is at the same place in a body that moves fast."""
    timeline, turned = at_rate(FRAMES), range(20, 60)
    faces = {f: box(100 + 8 * f, 70, 30) for f in range(FRAMES)}
    bodies = {f: (50.0 + 8 * f, 40, 150 + 8 * f, 340) for f in range(FRAMES)}
    tracks = tracks_of(timeline, {1: faces}, bodies=bodies, turned=turned)
    found = face_boxes(tracks, timeline.time_s, PictureArea.whole((1280, 360)))
    np.testing.assert_allclose(found, tracks.xyxy, atol=1e-3)


def test_faces_alone_are_interpolated() -> None:
    timeline = at_rate(9)
    tracks = tracks_of(timeline, {1: {0: box(100, 100), 8: box(180, 100)}})
    found = face_boxes(tracks, timeline.time_s, AREA)
    np.testing.assert_allclose(found[:, 0], np.linspace(88, 168, 9))
    assert body_boxes(tracks, found, timeline.time_s, AREA) is None


def test_a_head_is_larger_than_a_face_and_within_the_picture() -> None:
    timeline = at_rate(2)
    faces = {0: (100.0, 100.0, 140.0, 140.0), 1: (0.0, 5.0, 40.0, 45.0)}
    seen, turned = (tracks_of(timeline, {1: faces}, turned=frames) for frames in ((), (0, 1)))
    shown = face_boxes(seen, timeline.time_s, AREA)
    heads = head_boxes(seen, shown, timeline.time_s, AREA)
    np.testing.assert_allclose(heads, [[96, 82, 144, 144], [0, 0, 44, 49]])
    # The place of a head that is estimated is less certain.
    heads = head_boxes(turned, shown, timeline.time_s, AREA)
    np.testing.assert_allclose(heads, [[88, 74, 152, 152], [0, 0, 52, 57]])


@pytest.mark.parametrize("missing", [(), range(10, 30), range(20), range(40, 60)])
def test_a_body_contains_arms_and_head_and_moves_slowly(missing: range) -> None:
    """Arms fly up for three frames; where no body is detected, it follows the head."""
    timeline = at_rate(FRAMES)
    faces = {f: box(210 + f, 70, 30) for f in range(FRAMES)}
    bodies = {f: (160.0 + f, 60.0, 260.0 + f, 340.0) for f in range(FRAMES) if f not in missing}
    for frame in (35, 36, 37):
        bodies[frame] = (120.0 + frame, 20.0, 300.0 + frame, 340.0)
    tracks = tracks_of(timeline, {1: faces}, bodies=bodies)
    faces_shown = face_boxes(tracks, timeline.time_s, AREA)
    heads = head_boxes(tracks, faces_shown, timeline.time_s, AREA)
    found = body_boxes(tracks, heads, timeline.time_s, AREA)
    assert found is not None
    for frame, body in bodies.items():
        assert (found[frame, :2] <= np.array(body[:2]) + 1e-6).all()
        assert (found[frame, 2:] >= np.array(body[2:]) - 1e-6).all()
    assert (found[:, :2] <= heads[:, :2]).all()
    assert np.abs(np.diff(found, axis=0)).max() < 8
    for frame in missing:
        assert found[frame, 3] == pytest.approx(340, abs=1)
