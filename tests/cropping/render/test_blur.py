from __future__ import annotations

import numpy as np
import pytest

from cropping.render.blur import MARGIN, MARGIN_S, FaceBlur, blurred
from data.core.arrays import UNKNOWN
from data.video.yuv import BT709, Planes
from tests.cropping.tracked_project import at_rate, box, tracks_of

FRAME_WH = (160, 96)


def stripes() -> Planes:
    y = np.tile(np.array([40, 40, 200, 200], np.uint8), (96, 40))
    half = np.tile(np.array([90, 160], np.uint8), (48, 40))
    return Planes(y, half, half.copy(), BT709)


def test_no_other_person() -> None:
    timeline = at_rate(5)
    blur = FaceBlur(tracks_of(timeline, {1: {2: box(50, 50)}}), 1, timeline, FRAME_WH)
    assert [len(blur.at(frame)) for frame in range(5)] == [0] * 5
    planes = stripes()
    assert blurred(planes, []) is planes


def test_other_people_and_strangers_are_blurred_before_and_after_they_are_seen() -> None:
    timeline = at_rate(60, 40)
    rows = {
        1: {f: box(30, 40) for f in range(60)},
        2: {f: box(80, 40) for f in range(20, 38)},
        UNKNOWN: {50: box(140, 40)},
    }
    blur = FaceBlur(tracks_of(timeline, rows), 1, timeline, FRAME_WH)
    seen = [len(blur.at(frame)) for frame in range(60)]
    longer = round(MARGIN_S * 25)
    # Ben from half a second before to the cut; the stranger in that one frame.
    assert np.flatnonzero(seen).tolist() == [*range(20 - longer, 40), 50]
    left, top, right, bottom = blur.at(30)[0].tolist()
    assert [right - left, bottom - top] == pytest.approx([24 * (1 + 2 * MARGIN)] * 2)
    assert blur.at(50)[0][2] == 160  # cut at the frame's edge


def test_boxes_between_rows() -> None:
    timeline = at_rate(11)
    rows = {2: {0: box(40, 40), 10: box(60, 40)}}
    blur = FaceBlur(tracks_of(timeline, rows), 1, timeline, FRAME_WH)
    middle = blur.at(5)[0]
    assert (middle[0] + middle[2]) / 2 == 50


def test_an_oval_is_blurred_and_nothing_else() -> None:
    planes = stripes()
    done = blurred(planes, [np.array([40, 20, 100, 80], np.float32)])
    np.testing.assert_array_equal(planes.y, stripes().y)
    inside = done.y[45:55, 55:85].astype(int)
    assert inside.max() - inside.min() < 20
    assert np.ptp(done.u[23:27, 28:42].astype(int)) < 10
    for plane, before, half in ((done.y, planes.y, 1), (done.v, planes.v, 2)):
        changed = np.argwhere(plane != before) * half
        assert changed.min(axis=0).tolist() >= [20 - half, 40 - half]
        assert changed.max(axis=0).tolist() <= [80, 100]
    np.testing.assert_array_equal(done.y[20:26, 40:46], planes.y[20:26, 40:46])  # a corner
