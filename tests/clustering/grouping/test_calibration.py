"""The thresholds of each embedding space, in use."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.embedding_space import SFACE_SCALE
from clustering.grouping import across_footages, footage
from clustering.grouping.across_footages import ClusteredFootage, identify
from clustering.grouping.calibration import DLIB, SFACE, Calibration
from clustering.grouping.footage import GroupingSettings, group_faces
from clustering.grouping.linkage import CLOTHES_SHARE
from data.tables.faces import Faces
from data.tables.people import Assignments
from tests.clustering.crowd import crowd, embeddings

SETTINGS = GroupingSettings()
TURNS = [[0], [1]] * 20
"""Two people in turn."""


def with_sface(faces: Faces, people: list[int], *, seed: int = 5, length: float = 10.0) -> Faces:
    """Add SFace's embeddings of these people, orthogonal to each other."""
    points = embeddings(people, seed=seed, spread=0.3)
    points *= length / np.linalg.norm(points, axis=1)[:, None]
    return faces.replace(sface=points.astype(np.float32), sface_mirrored=points.astype(np.float32))


def grouped(faces: Faces, *, video: bool = True) -> list[int]:
    found = group_faces(faces, SETTINGS, frames=60, video=video)
    return [int(person) for person in found]


def test_dlibs_thresholds_are_those_before_sface() -> None:
    """The recipe with dlib alone keeps its exact people."""
    assert (DLIB.link, DLIB.link_stills, DLIB.link_across) == (1.20, 1.06, 1.02)
    assert (DLIB.clothes_share, DLIB.founder_weight) == (CLOTHES_SHARE, 0.2)
    assert (DLIB.across.clothes_share, DLIB.across.poor_share) == (0.0, 0.3)


@pytest.mark.parametrize("video", [True, False], ids=["video", "photographs"])
def test_a_footage_with_sface_is_clustered_in_its_space(video: bool) -> None:
    """dlib's embeddings say one person, SFace's two, and the other way round."""
    alike = crowd([[0]] * 40)
    assert grouped(alike, video=video) == [0] * 40
    assert grouped(with_sface(alike, [0, 1] * 20), video=video) == [0, 1] * 20
    unlike = crowd(TURNS)
    assert grouped(unlike, video=video) == [0, 1] * 20
    assert grouped(with_sface(unlike, [0] * 40), video=video) == [0] * 40


def test_a_footage_without_sface_is_clustered_in_dlibs_space() -> None:
    faces = with_sface(crowd(TURNS), [0] * 40)
    none = np.zeros_like(faces.sface)
    assert grouped(faces.replace(sface=none, sface_mirrored=none)) == [0, 1] * 20


def test_faces_that_cannot_be_recognised_start_no_person() -> None:
    """SFace's length decides, not the sharpness."""
    faces = with_sface(crowd(TURNS), [0, 1] * 20)
    poor = faces.sface.copy()
    poor[1::2] *= 5.0 / 10.0
    blurred = faces.replace(sface=poor, sface_mirrored=poor)
    assert grouped(blurred) == [0, -1] * 20
    sharp = faces.replace(sharpness=np.where(np.arange(40) % 2, 0.01, 0.5).astype(np.float32))
    assert grouped(sharp) == [0, 1] * 20


@pytest.mark.parametrize("name", [field.name for field in fields(Calibration)])
@pytest.mark.parametrize("sface", [True, False], ids=["SFace", "dlib"])
def test_every_threshold_is_taken_from_the_space(
    monkeypatch: pytest.MonkeyPatch, sface: bool, name: str
) -> None:
    """The calibration of the other space is never read."""
    asked: set[str] = set()

    class Watched:
        def __init__(self, of: Calibration) -> None:
            self._of = of

        def __getattr__(self, attribute: str) -> object:
            asked.add(attribute)
            return getattr(self._of, attribute)

    class Unused:
        def __getattr__(self, attribute: str) -> object:
            raise AssertionError(f"{attribute} of the other space")

    used, unused = ("SFACE", "DLIB") if sface else ("DLIB", "SFACE")
    for module in (footage, across_footages):
        monkeypatch.setattr(module, used, Watched(SFACE if sface else DLIB))
        monkeypatch.setattr(module, unused, Unused())
    faces = crowd(TURNS)
    faces = with_sface(faces, [0, 1] * 20) if sface else faces
    grouped(faces, video=name != "link_stills")
    identified(faces, faces, faces.take(slice(0, 2)))  # the third footage has only leftover faces
    assert name in asked


# --- across footages --------------------------------------------------------------------------


def identified(*tables: Faces) -> list[NDArray[np.int64]]:
    """Return the person of each face, by footage."""
    clustered = {
        str(number): ClusteredFootage(
            faces,
            group_faces(faces, SETTINGS, frames=60),
            Assignments.empty(),
            seconds_per_face=1.0,
        )
        for number, faces in enumerate(tables)
    }
    return list(identify(clustered, eps=SETTINGS.eps, next_person_id=1).values())


def test_footages_with_sface_are_compared_in_its_space() -> None:
    one = with_sface(crowd([[0]] * 20), [0] * 20)
    same = with_sface(crowd([[7]] * 20, seed=1), [0] * 20, seed=6)
    other = with_sface(crowd([[0]] * 20, seed=2), [3] * 20, seed=7)
    first, second, third = identified(one, same, other)
    assert set(first) == set(second) == {1}
    assert set(third) == {2}


def test_like_clothes_join_people_of_two_footages() -> None:
    """Faces a little too far apart to join are joined by equal clothes, and by nothing else."""
    one = with_sface(crowd([[0]] * 20), [0] * 20)
    points = one.sface + np.float32(15.0) * np.eye(128, dtype=np.float32)[5]
    other = one.replace(sface=points, sface_mirrored=points)
    for colours, people in (((3, 3), 1), ((3, 200), 2), ((3, None), 2), ((None, None), 2)):
        tables = []
        for faces, colour in zip((one, other), colours, strict=True):
            clothes = np.zeros_like(faces.clothes)
            if colour is not None:
                clothes[:, colour] = 1
            tables.append(faces.replace(clothes=clothes))
        assert len(set(np.concatenate(identified(*tables)).tolist())) == people, colours


def test_one_footage_without_sface_is_compared_in_dlibs_space() -> None:
    """Each footage is clustered in its own space; people across them in dlib's."""
    new = with_sface(crowd(TURNS), [5, 6] * 20)
    old = crowd([[1]] * 20, seed=4)
    first, second = identified(new, old)
    assert first.tolist() == [2, 1] * 20  # the second person is longer on screen
    assert set(second) == {1}
    empty = Faces.empty()
    assert [set(ids) for ids in identified(new, empty)] == [{1, 2}, set()]


def test_eps_scales_both_spaces() -> None:
    faces = with_sface(crowd(TURNS), [0, 1] * 20)
    for eps, people in ((0.5, [0, 1] * 20), (0.95, [0] * 40)):
        settings = replace(SETTINGS, eps=eps)
        assert group_faces(faces, settings, frames=60).tolist() == people
    assert SFACE_SCALE * np.sqrt(2) > 0.5 * SFACE.link
