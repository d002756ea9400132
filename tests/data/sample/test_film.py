"""The drawn film: its frames, its ground truth, and a detector's results on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.boxes import iou
from data.sample.film import FPS, Film, cast, draw_film
from data.sample.shots import SHOTS
from data.sample.truth import Truth, read_truth, truth_paths

SMALL_WH = (320, 180)


@pytest.fixture(scope="module")
def film() -> Film:
    return Film()


def small_film(**options: Any) -> Film:
    chosen = {"shots": ["talk", "passing"], "duration_s": 4.0, "size_wh": SMALL_WH, **options}
    return Film(**chosen)


def rows_of(truth: Truth, index: int) -> NDArray[np.int64]:
    return np.flatnonzero(truth.frame_index == index)


class TestFrames:
    def test_frame_has_size_and_type(self) -> None:
        frame = small_film().frame(0)
        assert frame.shape == (180, 320, 3)
        assert frame.dtype == np.uint8

    def test_same_arguments_give_same_pixels_in_any_order(self) -> None:
        one, other = small_film(), small_film()
        later = one.frame(70)
        np.testing.assert_array_equal(one.frame(3), other.frame(3))
        np.testing.assert_array_equal(other.frame(70), later)

    def test_another_seed_gives_another_film(self) -> None:
        assert np.any(small_film(seed=1).frame(0) != small_film(seed=2).frame(0))

    @pytest.mark.parametrize("index", [-1, 100])
    def test_a_frame_outside_the_film_is_refused(self, index: int) -> None:
        with pytest.raises(IndexError, match=r"0\.\.99"):
            small_film().frame(index)

    @pytest.mark.parametrize(
        "options",
        [
            {"people": []},
            {"people": ["Nobody"]},
            {"people": ["Mei", "Mei"]},
            {"shots": ["no such shot"]},
            {"duration_s": 0.04},
        ],
        ids=["no people", "unknown person", "person twice", "unknown shot", "too short"],
    )
    def test_impossible_films_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="must"):
            small_film(**options)

    def test_a_chosen_cast_has_no_other_people(self) -> None:
        film = small_film(people=["Kofi", "Mei", "Finn"], shots=["everyone"], duration_s=0.4)
        assert film.truth.people == ("Kofi", "Mei", "Finn")
        assert set(film.truth.person.tolist()) == {"Kofi", "Mei", "Finn"}


class TestTruth:
    def test_full_film_has_cuts_and_the_whole_cast(self, film: Film) -> None:
        assert len(film.cuts) == len(SHOTS) - 1 >= 5
        assert 40 <= film.duration_s <= 60
        assert len(film.truth.people) >= 5
        assert set(film.truth.person.tolist()) == set(film.truth.people)

    def test_the_picture_changes_at_cuts_and_only_there(self) -> None:
        film = small_film(shots=["talk", "passing", "approach"])
        change = [
            float(np.abs(film.frame(i).astype(float) - film.frame(i - 1)).mean())
            for cut in film.cuts
            for i in (cut - 1, cut, cut + 1)
        ]
        before, at, after = np.array(change).reshape(-1, 3).T
        assert np.all(at > 20)
        assert np.all(before < 10)
        assert np.all(after < 10)

    def test_boxes_are_in_the_frame(self, film: Film) -> None:
        box = film.truth.xyxy
        assert np.all(box[:, :2] >= 0)
        assert np.all(box[:, 2:] <= film.size_wh)
        assert np.all(box[:, :2] < box[:, 2:])

    def test_people_leave_and_return_and_hide(self, film: Film) -> None:
        truth = film.truth
        walk = [shot.name for shot in film.shots].index("walk")
        shot = slice(int(film.cuts[walk - 1]), int(film.cuts[walk]))
        finn = np.zeros(film.frame_count, np.bool_)
        finn[truth.frame_index[truth.person == "Finn"]] = True
        seen = finn[shot]
        assert seen[0]
        assert seen[-1]
        assert not seen.all()
        assert np.any((truth.visible < 0.3) & (truth.person == "Kofi"))

    def test_faces_are_small_and_large_turned_and_smiling(self, film: Film) -> None:
        truth = film.truth
        height = truth.xyxy[:, 3] - truth.xyxy[:, 1]
        assert height.min() < 50
        assert height.max() > 140
        assert truth.yaw_deg.min() < -45
        assert truth.yaw_deg.max() > 45
        for name in truth.people:
            mine = truth.person == name
            assert 0.05 < truth.smiling[mine].mean() < 0.95

    def test_a_smile_changes_the_lower_face_and_brings_teeth(self) -> None:
        film = Film(people=["Amara"], shots=["close-up"], duration_s=3.0)
        truth = film.truth
        frontal = np.abs(truth.yaw_deg) < 10
        bright = defaultdict(list)
        for row in np.flatnonzero(frontal)[::6]:
            x1, y1, x2, y2 = truth.xyxy[row].astype(int)
            tall = y2 - y1
            mouth = film.frame(int(truth.frame_index[row]))[y1 + int(0.6 * tall) : y2, x1:x2]
            bright[bool(truth.smiling[row])].append(float((mouth.min(axis=2) > 190).mean()))
        assert min(bright[True]) > 2 * max(bright[False])

    def test_visible_share_follows_the_frame_edge(self, film: Film) -> None:
        truth = film.truth
        touching = (truth.xyxy[:, 0] == 0) | (truth.xyxy[:, 2] == film.size_wh[0])
        inside = np.all((truth.xyxy > 1) & (truth.xyxy < [639, 359, 639, 359]), axis=1)
        front = truth.person == "Leila"  # no person passes in front of her
        assert truth.visible[touching].min() < 0.1
        assert truth.visible[touching].mean() < 0.8
        assert np.all(truth.visible[inside & front] == 1)


class TestFile:
    def test_film_and_truth_are_written_and_read_back(self, tmp_path: Path) -> None:
        import av

        path = tmp_path / "ein Film.mp4"
        truth = draw_film(
            path, people=["Mei", "Bruno", "Finn"], shots=["talk", "approach"], duration_s=2,
            size_wh=SMALL_WH,
        )  # fmt: skip
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            assert container.streams.video[0].average_rate == FPS
        with av.open(str(path)) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0))
        assert len(frames) == truth.frame_count == 50
        assert samples / 48_000 == pytest.approx(2, abs=0.05)
        drawn = Film(
            people=["Mei", "Bruno", "Finn"], shots=["talk", "approach"], duration_s=2,
            size_wh=SMALL_WH,
        )  # fmt: skip
        assert np.abs(frames[20].astype(float) - drawn.frame(20)).mean() < 6
        again = read_truth(path)
        np.testing.assert_array_equal(again.person, truth.person)
        np.testing.assert_allclose(again.xyxy, truth.xyxy, atol=0.006)
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
            [path.name, *(p.name for p in truth_paths(path))]
        )


def test_cast_has_a_portrait_each() -> None:
    portraits = cast(96)
    assert len(portraits) >= 5
    assert all(image.shape == (96, 96, 3) for image in portraits.values())
    images = list(portraits.values())
    assert all(np.abs(a.astype(float) - b).mean() > 5 for a, b in pairwise(images))


@pytest.fixture(scope="module")
def found(film: Film) -> Found:
    wide = [25, 75, 110, 135, 1140, 1225]
    return find(film, [*wide, 265, 340, 425, 700, 850, 900, 960, 1040])


class TestDetection:
    """dlib's networks detect the drawn people and separate them."""

    def test_every_frontal_face_is_found_with_a_high_score(self, found: Found) -> None:
        assert len(found.overlap) >= 40
        assert np.mean(np.array(found.overlap) >= 0.5) >= 0.97
        assert np.median(found.score) > 0.95
        assert found.extra == 0

    def test_plain_dbscan_gives_one_cluster_per_person(self, found: Found) -> None:
        assert_one_cluster_each(found, 6)

    @pytest.mark.slow
    def test_the_whole_film_at_one_frame_per_second(self, film: Film) -> None:
        found = find(film, range(3, film.frame_count, 25))
        assert np.mean(np.array(found.overlap) >= 0.5) >= 0.97
        assert_one_cluster_each(found, 6)


class Found:
    """Results of the networks for the frontal faces of some frames."""

    def __init__(self) -> None:
        self.overlap: list[float] = []
        self.score: list[float] = []
        self.person: list[str] = []
        self.embedding: list[NDArray[np.float32]] = []
        self.extra = 0  # faces detected where there is no person


def find(film: Film, frames: Iterable[int]) -> Found:
    from clustering.faces.networks.detector import CnnDetector
    from clustering.faces.networks.embedder import Embedder
    from clustering.faces.networks.graph_cache import load_network

    detector = CnnDetector(load_network("detector"), upsample=1)
    embedder = Embedder(load_network("embedder"))
    truth, found = film.truth, Found()
    for index in frames:
        image = film.frame(index)
        faces = detector([image])[0]
        rows = rows_of(truth, index)
        overlap = iou(faces.xyxy, truth.xyxy[rows])
        found.extra += int(np.sum(overlap.max(axis=1, initial=0) < 0.2))
        for row, mine in zip(rows, overlap.T, strict=True):
            if not truth.frontal[row] or truth.xyxy[row, 3] - truth.xyxy[row, 1] < 60:
                continue
            found.overlap.append(float(mine.max(initial=0)))
            if mine.max(initial=0) >= 0.5:
                best = int(mine.argmax())
                found.score.append(float(faces.score[best]))
                found.person.append(str(truth.person[row]))
                chips = embedder.chips(image, faces.xyxy[best : best + 1])
                found.embedding.append(embedder.embed(chips)[0])
    return found


def assert_one_cluster_each(found: Found, people: int) -> None:
    from sklearn.cluster import DBSCAN

    points = np.array(found.embedding)
    names = np.array(found.person)
    labels = DBSCAN(eps=0.5, min_samples=5).fit_predict(points)
    assert len(set(zip(labels.tolist(), names.tolist(), strict=True))) == people
    assert set(labels.tolist()) == set(range(people))
    means = np.array([points[names == name].mean(axis=0) for name in sorted(set(names))])
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    assert apart[np.triu_indices(people, 1)].min() > 0.5
