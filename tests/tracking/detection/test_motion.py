from __future__ import annotations

import cv2
import numpy as np
import pytest

from data.core.arrays import Image
from tests.tracking.bodies.body_rows import bodies, still
from tests.tracking.track_rows import timeline
from tracking.bodies.association import body_tracklets
from tracking.detection.bodies import BodyFrames, FootageBodies
from tracking.detection.motion import grey, motion_between, motions


def scenery() -> Image:
    noise = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (960, 640), interpolation=cv2.INTER_CUBIC), np.uint8)


def panned(*left: int) -> list[Image]:
    """Return pictures of 640x480 px that begin at these columns of the scenery."""
    picture = scenery()
    return [picture[80:560, x : x + 640] for x in left]


def frames_of(images: list[Image]) -> BodyFrames:
    small = [grey(image)[0] for image in images]
    none = bodies([])
    return BodyFrames(none, motions(small, 0.5), small[0], small[-1], np.array([0.5]))


def test_the_motion_of_a_pan_is_found() -> None:
    found = frames_of(panned(0, 8, 20)).motion
    assert np.abs(found[0] - np.eye(2, 3)).max() == 0
    assert found[1:, 0, 2] == pytest.approx([-8, -12], abs=0.5)
    assert np.abs(found[:, 1, 2]).max() < 0.5


def test_parts_have_the_motion_of_the_whole() -> None:
    images = panned(0, 8, 20, 25, 30, 44)
    whole = frames_of(images)
    parts = [frames_of(images[:1]), frames_of(images[1:4]), frames_of(images[4:])]
    assert np.array_equal(BodyFrames.concatenate(parts).motion, whole.motion)
    twice = [BodyFrames.concatenate(parts[:2]), parts[2]]
    assert np.array_equal(BodyFrames.concatenate(twice).motion, whole.motion)


def test_without_texture_there_is_no_motion() -> None:
    flat = np.full((90, 160), 40, np.uint8)
    assert np.array_equal(motions([flat, flat], 1.0), still(2))
    assert np.array_equal(motion_between(flat, grey(scenery())[0], 1.0), np.eye(2, 3))


def test_a_jump_is_nan() -> None:
    first, last = (grey(image)[0] for image in panned(0, 80))
    assert np.isnan(motion_between(first, last, 0.5)).all()


def test_bodies_are_followed_while_the_camera_pans() -> None:
    """Without the motion, the body moves by more than its width between frames."""
    places = [(frame, 900 - 70.0 * frame) for frame in range(10)]
    pan = still(10)
    pan[1:, 0, 2] = -70
    line = timeline(10)
    with_motion = body_tracklets(FootageBodies(bodies(places), pan), line)
    without = body_tracklets(FootageBodies(bodies(places), still(10)), line)
    assert set(with_motion.tolist()) == {0}
    assert len(set(without.tolist())) > 1


def test_a_jump_ends_tracklets() -> None:
    places = [(frame, 100.0) for frame in range(10)]
    jump = still(10)
    jump[6] = np.nan
    found = body_tracklets(FootageBodies(bodies(places), jump), timeline(10))
    assert found.tolist() == [0] * 6 + [1] * 4
