from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.output.split import GAP, TRAIN, VAL, TimedFrames, split_frames


def timed_frames(
    people: Sequence[Sequence[int]],
    *,
    every_s: float = 1.0,
    shot: Sequence[int] | None = None,
    footage: Sequence[int] | None = None,
) -> TimedFrames:
    """Return frames with these people, numbered from 0."""
    n = len(people)
    shown = np.zeros((n, max((p + 1 for row in people for p in row), default=0)), np.bool_)
    for row, present in enumerate(people):
        shown[row, list(present)] = True
    return TimedFrames(
        footage=np.array(footage if footage is not None else [0] * n, np.int64),
        shot=np.array(shot if shot is not None else [0] * n, np.int64),
        time_s=np.arange(n, dtype=np.float64) * every_s,
        people=csr_array(shown.astype(np.int8)),
    )


def in_split(where: TimedFrames, split: NDArray[np.int8]) -> list[str]:
    """Return the splits of each person."""
    names = {TRAIN: "t", VAL: "v"}
    return [
        "".join(sorted({names[int(s)] for s in split[column] if s != GAP}))
        for column in (where.people.toarray() > 0).T
    ]


@pytest.mark.parametrize(
    ("people", "every_s", "expected"),
    [
        pytest.param([], 1, [], id="nothing"),
        pytest.param([[], []], 1, [], id="no person"),
        pytest.param([[0]], 1, ["t"], id="one image"),
        pytest.param([[0], [0]], 1, ["tv"], id="two images"),
        pytest.param([[0], [0]], 0.1, ["tv"], id="two images of one moment"),
        pytest.param([[0, 1]] * 2 + [[0]] * 50, 1, ["tv", "tv"], id="a rare one"),
        pytest.param([[0]] * 30 + [[1]] + [[0]] * 30, 1, ["tv", "t"], id="a single image"),
        pytest.param([[0]] * 40 + [[1]] * 3 + [[2]] * 40, 0.2, ["tv"] * 3, id="one short moment"),
        pytest.param([[0, 1], [1, 2], [0, 2]], 5, ["tv", "tv", "t"], id="not all can be in both"),
        pytest.param([[p] for p in range(6) for _ in range(4)], 1, ["tv"] * 6, id="in turns"),
    ],
)
def test_splits_of_each_person(
    people: list[list[int]], every_s: float, expected: list[str]
) -> None:
    where = timed_frames(people, every_s=every_s)
    found = in_split(where, split_frames(where, val_share=0.2))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("every_s", [1.0, 0.2])
@pytest.mark.parametrize("length", [60, 400])
def test_share_and_gap(every_s: float, length: int) -> None:
    rng = np.random.default_rng(0)
    people = [[p for p in range(3) if rng.random() < 0.5] for _ in range(length)]
    where = timed_frames(people, every_s=every_s)
    split = split_frames(where, val_share=0.2)
    assert 0.15 <= (split == VAL).mean() <= 0.28
    gap_s = min(1.0, 0.05 * (length - 1) * every_s)
    val, train = where.time_s[split == VAL], where.time_s[split == TRAIN]
    assert np.abs(val[:, None] - train[None, :]).min() >= gap_s - 1e-3
    # Blocks of time: far fewer borders than frames.
    assert np.count_nonzero(np.diff(split == VAL)) <= 0.2 * length


def test_no_gap_is_needed_at_a_cut() -> None:
    shot = np.repeat(np.arange(20), 10).tolist()
    where = timed_frames([[0]] * 200, every_s=0.2, shot=shot)
    split = split_frames(where, val_share=0.2)
    assert (split != GAP).all()
    assert all(len(set(split[row : row + 10])) == 1 for row in range(0, 200, 10))


def test_the_end_of_one_footage_is_not_the_beginning_of_the_next() -> None:
    one = timed_frames([[0]] * 60, every_s=0.5)
    both = TimedFrames(
        footage=np.repeat([0, 1], 60),
        shot=np.zeros(120, np.int64),
        time_s=np.tile(one.time_s, 2),
        people=csr_array(np.ones((120, 1), np.int8)),
    )
    split = split_frames(both, val_share=0.2)
    for part in (split[:60], split[60:]):
        assert (part == VAL).any()
        assert (part == TRAIN).any()


def test_val_is_spread_over_time() -> None:
    split = split_frames(timed_frames([[0]] * 600), val_share=0.2)
    assert all((part == VAL).any() for part in np.array_split(split, 4)[1:3])
    assert np.count_nonzero(np.diff(split == VAL)) >= 4


def test_random_crowds_are_in_both_splits() -> None:
    """Each person with a few images is in both splits."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n, shots = int(rng.integers(30, 200)), int(rng.integers(1, 8))
        shot = np.sort(rng.integers(0, shots, n))
        often = rng.uniform(0.05, 0.6, 6)
        people = [np.flatnonzero(rng.random(6) < often).tolist() for _ in range(n)]
        where = timed_frames(people, every_s=0.2, shot=shot.tolist())
        split = split_frames(where, val_share=0.2)
        enough = where.people.sum(axis=0) >= 4
        kept = [s for s, e in zip(in_split(where, split), enough, strict=False) if e]
        assert set(kept) <= {"tv"}, seed
        assert np.array_equal(split, split_frames(where, val_share=0.2))


def test_memory_follows_the_images_not_the_people() -> None:
    """A dense matrix of these frames by people would take 25 MB as bytes."""
    n = people = 5000
    shown = csr_array((np.ones(n, np.int8), np.arange(n) // 4, np.arange(n + 1)), shape=(n, people))
    where = TimedFrames(
        footage=np.arange(n) // 500,
        shot=np.zeros(n, np.int64),
        time_s=(np.arange(n) % 500).astype(np.float64),
        people=shown,
    )
    tracemalloc.start()
    split = split_frames(where, val_share=0.2)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {TRAIN, VAL} <= set(split.tolist())
    assert peak_bytes < 12_000_000
