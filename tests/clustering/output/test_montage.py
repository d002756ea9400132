from __future__ import annotations

import numpy as np
import pytest

from clustering.output.montage import build_montage, choose_faces, cut_tile, layout


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, (1, 1)),
        (2, (2, 1)),
        (3, (3, 1)),
        (4, (2, 2)),
        (5, (2, 2)),
        (6, (3, 2)),
        (7, (3, 2)),
        (9, (3, 3)),
        (11, (5, 2)),
        (19, (4, 4)),
        (24, (5, 4)),
        (25, (5, 5)),
        (900, (5, 5)),
    ],
)
def test_layout(count: int, expected: tuple[int, int]) -> None:
    assert layout(count) == expected


@pytest.mark.parametrize("count", [1, 2, 5, 7, 13, 25, 30])
def test_montage_has_no_black_tile(count: int) -> None:
    tiles = [np.full((20, 20, 3), 10 + i * 5, np.uint8) for i in range(count)]
    montage = build_montage(tiles)
    columns, rows = layout(count)
    assert montage.shape == (rows * 20, columns * 20, 3)
    centres = montage[10::20, 10::20, 0].reshape(-1)
    assert centres.tolist() == [10 + i * 5 for i in range(columns * rows)]


def test_colours_stay() -> None:
    tile = np.zeros((8, 8, 3), np.uint8)
    tile[:] = (250, 120, 3)
    assert (build_montage([tile])[4, 4] == (250, 120, 3)).all()


def test_no_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        build_montage([])


def test_the_face_is_equally_large_in_every_tile() -> None:
    for side in (20, 60, 150):
        image = np.zeros((400, 600, 3), np.uint8)
        image[100 : 100 + side, 200 : 200 + side] = 255
        box = np.array([200, 100, 200 + side, 100 + side], np.float32)
        tile = cut_tile(image, box)
        assert tile.shape == (160, 160, 3)
        assert abs((tile[80, :, 0] > 127).sum() - 100) <= 4


@pytest.mark.parametrize("n", [0, 1, 24, 25])
def test_few_faces_are_all_chosen_clearest_first(n: int) -> None:
    rng = np.random.default_rng(0)
    clarity = rng.uniform(0.1, 1, n)
    rows = choose_faces(rng.normal(size=(n, 8)).astype(np.float32), clarity, np.arange(float(n)))
    assert sorted(rows.tolist()) == list(range(n))
    assert rows[:1].tolist() == ([int(clarity.argmax())] if n else [])


def test_clear_and_different_faces_are_chosen_first() -> None:
    """Of four appearances in 200 faces one is rare; a fifth is always unclear."""
    rng = np.random.default_rng(1)
    look = np.repeat(np.arange(5), [90, 50, 7, 3, 50])
    embedding = (np.eye(5, 16)[look] + rng.normal(size=(200, 16)) * 0.02).astype(np.float32)
    clarity = np.where(look == 4, 0.01, 0.9)
    rows = choose_faces(embedding, clarity, np.zeros(200), count=6)
    assert len(set(rows.tolist())) == 6
    assert set(look[rows[:4]].tolist()) == {0, 1, 2, 3}
    assert set(look[rows].tolist()) == {0, 1, 2, 3}


def test_the_first_faces_are_not_from_one_moment() -> None:
    """Faces of one shot look alike: none is repeated before each of four shots is shown."""
    shot = np.repeat(np.arange(4), 25)
    embedding = np.eye(4, 8)[shot].astype(np.float32)
    rows = choose_faces(embedding, np.tile(np.linspace(1, 0.9, 25), 4), np.arange(100.0))
    assert set(shot[rows[:4]].tolist()) == {0, 1, 2, 3}


def test_a_blurred_face_comes_after_a_clear_one_as_far_away() -> None:
    embedding = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    rows = choose_faces(embedding, np.array([1, 0.2, 0.8]), np.zeros(3), count=3)
    assert rows.tolist() == [0, 2, 1]


def test_alike_faces_are_spread_over_time() -> None:
    n = 100
    rows = choose_faces(np.ones((n, 4), np.float32), np.ones(n), np.arange(float(n)), count=5)
    assert len(set(rows.tolist())) == 5
    assert np.diff(np.sort(rows)).min() >= 5


def test_selection_is_deterministic_and_leaves_its_input() -> None:
    rng = np.random.default_rng(2)
    embedding = rng.normal(size=(300, 8)).astype(np.float32)
    clarity = rng.uniform(0.1, 1, 300)
    before = embedding.copy()
    first = choose_faces(embedding, clarity, np.arange(300.0))
    assert np.array_equal(first, choose_faces(embedding, clarity, np.arange(300.0)))
    assert np.array_equal(embedding, before)
    assert len(first) == 25
