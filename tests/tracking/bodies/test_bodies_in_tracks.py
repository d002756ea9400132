"""Tracks of people whose bodies are followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from data.tables.tracks import BODY, FACE, Tracks
from tests.tracking.bodies.body_rows import HEAD, Place, faces, footage
from tracking.detection.detections import FootageDetections
from tracking.tracks import LinkSettings, find_tracks

ANNA, BEN = 5, 9
FRAMES = 40
PLAIN = LinkSettings(smooth_s=0)


def linked(
    found: FootageDetections, seen: Sequence[tuple[int, float, int]], *, video: bool = True
) -> Tracks:
    return find_tracks(found, (), faces(seen), label_margin=0.0, video=video, settings=PLAIN)


def walk(
    speed: float = 0, start: float = 100, frames: Sequence[int] = range(FRAMES)
) -> list[Place]:
    return [(frame, start + speed * frame) for frame in frames]


def test_a_back_is_followed() -> None:
    """Three faces name all frames of the body; the head stays at its place in it."""
    tracks = linked(footage(walk(3), FRAMES), [(f, 100 + 3 * f, ANNA) for f in (0, 2, 4)])
    assert tracks.frame_index.tolist() == list(range(FRAMES))
    assert set(tracks.person_id.tolist()) == {ANNA}
    assert (tracks.source == FACE).sum() == 3
    assert (tracks.source == BODY).sum() == FRAMES - 3
    expected = 100 + 3 * np.arange(FRAMES) + 30 - HEAD / 2
    assert np.abs(tracks.xyxy[:, 0] - expected).max() < 0.5
    assert tracks.has_body.all()


def test_bodies_alone_are_nobody() -> None:
    assert len(linked(footage(walk(3), FRAMES), [])) == 0


def test_two_bodies_in_a_frame_are_two_people() -> None:
    """A poster of Anna behind her: the body with most of her faces is hers."""
    places = [*walk(), *walk(start=300)]
    seen = [*((f, 100, ANNA) for f in range(0, 30, 2)), (3, 300, ANNA), (5, 300, ANNA)]
    tracks = linked(footage(places, FRAMES), seen)
    of_body = tracks.take(tracks.has_body)
    assert of_body.frame_index.tolist() == list(range(FRAMES))
    assert (of_body.body_xyxy[:, 0] == 100).all()
    assert len(np.unique(tracks.frame_index)) == len(tracks)


def test_a_swap_at_a_crossing_is_cut() -> None:
    """One tracklet that goes on as another person names both, each in their frames."""
    seen = [*((f, 100, ANNA) for f in range(0, 16, 2)), *((f, 100, BEN) for f in range(24, 40, 2))]
    tracks = linked(footage(walk(), FRAMES), seen)
    assert set(tracks.frame_index[tracks.person_id == ANNA].tolist()) >= set(range(15))
    assert set(tracks.frame_index[tracks.person_id == BEN].tolist()) >= set(range(24, FRAMES))
    assert len(np.unique(tracks.frame_index)) == len(tracks) == FRAMES


def test_one_wrong_face_is_no_swap() -> None:
    seen = [(f, 100.0, ANNA) for f in range(0, 40, 2) if f != 20]
    tracks = linked(footage(walk(), FRAMES), [*seen, (20, 100, BEN)])
    assert set(tracks.person_id.tolist()) == {ANNA}


def test_who_returns_is_named_again_by_a_face() -> None:
    places = [*walk(frames=range(10)), *walk(start=400, frames=range(28, 40))]
    tracks = linked(footage(places, FRAMES), [(2, 100, ANNA), (30, 400, ANNA)])
    assert tracks.frame_index.tolist() == [*range(10), *range(28, 40)]


def test_a_tracklet_ends_at_a_cut() -> None:
    tracks = linked(footage(walk(), FRAMES, cuts=[20]), [(2, 100, ANNA)])
    assert tracks.frame_index.tolist() == list(range(20))


def test_too_little_evidence_stays_unnamed() -> None:
    """One face of each of two people."""
    tracks = linked(footage(walk(), FRAMES), [(2, 100, ANNA), (4, 100, BEN)])
    assert (tracks.source != BODY).all()


def test_a_crowd_of_80_bodies() -> None:
    places = [(frame, 70.0 * n) for n in range(80) for frame in range(6)]
    seen = [(1, 70.0 * n, n) for n in range(80)]
    tracks = linked(footage(places, 6), seen)
    assert len(tracks) == 80 * 6
    assert (tracks.body_xyxy[:, 0] == 70 * tracks.person_id).all()


def test_bodies_cut_by_the_edge_and_at_a_desk() -> None:
    """The face of a close-up is in the middle of its body, which ends at the chest."""
    found = footage(walk(), FRAMES)
    assert found.bodies is not None
    found.bodies.bodies.xyxy[:] = [0, 20, 60, 56]
    tracks = linked(found, [(2, 0, ANNA)])
    assert tracks.frame_index.tolist() == list(range(FRAMES))
    assert np.isfinite(tracks.xyxy).all()


def test_a_reflection_without_a_face_is_nobody() -> None:
    tracks = linked(footage([*walk(), *walk(start=300)], FRAMES), [(2, 100, ANNA), (8, 100, ANNA)])
    assert (tracks.body_xyxy[:, 0] == 100).all()


def test_photographs_have_no_bodies() -> None:
    tracks = linked(footage(walk(), FRAMES), [(2, 100, ANNA)], video=False)
    assert tracks.frame_index.tolist() == [2]


@pytest.mark.parametrize("places", [[], walk(frames=[3])], ids=["none", "one frame"])
def test_hardly_any_bodies(places: list[Place]) -> None:
    assert linked(footage(places, FRAMES), [(3, 100, ANNA)]).frame_index.tolist() == [3]
