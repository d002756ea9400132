from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.tracklets import CUT_CHANGE, shot_numbers, tracklet_numbers
from data.tables.faces import Faces, Frames
from tests.clustering.labelled_footage import table

SIZE = 100


@dataclass(frozen=True)
class Seen:
    """One face in one frame."""

    x: float  # of its centre
    person: int = 0  # number of the person; embeddings of two people are 1 apart
    blur: float = 0  # distance of its embedding from the person's
    size: float = SIZE


def embedding(seen: Seen) -> NDArray[np.float32]:
    point = np.zeros(128, np.float32)
    point[seen.person] = 2**-0.5
    point[100] = seen.blur
    return point


def film(
    frames: Sequence[Sequence[Seen]], *, every_s: float = 0.2, shots: Sequence[int] | None = None
) -> tuple[Frames, Faces]:
    """Return frames and faces; frame indices differ from row numbers."""
    where = [number for number, row in enumerate(frames) for _ in row]
    seen = [face for row in frames for face in row]
    half = np.array([face.size / 2 for face in seen])
    middle = np.array([(face.x, 500) for face in seen]).reshape(-1, 2)
    xyxy = np.hstack([middle - half[:, None], middle + half[:, None]])
    times = np.arange(len(frames)) * every_s
    points = np.array([embedding(face) for face in seen], np.float32).reshape(-1, 128)
    return (
        table(
            Frames,
            len(frames),
            frame_index=np.arange(len(frames)) * 7 + 3,
            time_s=times,
            shot=shots if shots is not None else 0,
        ),
        table(
            Faces,
            len(seen),
            frame_index=np.array(where, np.int64) * 7 + 3,
            time_s=times[where] if where else 0,
            xyxy=xyxy,
            embedding=points,
            embedding_mirrored=points,
        ),
    )


def numbers(
    frames: Sequence[Sequence[Seen]], *, every_s: float = 0.2, shots: Sequence[int] | None = None
) -> list[int]:
    return [int(number) for number in tracklet_numbers(*film(frames, every_s=every_s, shots=shots))]


# --- shots ------------------------------------------------------------------------------------


def thumbnails(*brightness: int) -> Frames:
    rows = np.array(brightness, np.uint8).reshape(-1, 1, 1, 1)
    return table(Frames, len(brightness), thumbnail=rows)


@pytest.mark.parametrize(
    ("brightness", "expected"),
    [
        pytest.param((), [], id="no frame"),
        pytest.param((50,), [0], id="one frame"),
        pytest.param((50, 50, 50), [0, 0, 0], id="nothing changes"),
        pytest.param((50, 90, 90, 20), [0, 1, 1, 2], id="two cuts"),
        pytest.param((250, 10), [0, 1], id="brighter or darker alike"),
        pytest.param((50, 50 + int(CUT_CHANGE)), [0, 0], id="as much as a shot may change"),
        pytest.param((50, 51 + int(CUT_CHANGE)), [0, 1], id="more"),
        pytest.param(tuple(range(20, 200, 8)), [0] * 23, id="slowly is no cut"),
    ],
)
def test_shots(brightness: tuple[int, ...], expected: list[int]) -> None:
    found = shot_numbers(thumbnails(*brightness))
    assert found.tolist() == expected
    assert found.dtype == np.int32


def test_a_small_moving_object_is_no_cut() -> None:
    frames = thumbnails(50, 50)
    frames.thumbnail[1, :2, :2] = 250
    assert shot_numbers(frames).tolist() == [0, 0]


# --- tracklets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], [], id="no frame"),
        pytest.param([[], [], []], [], id="no face"),
        pytest.param([[Seen(100)]], [0], id="one face"),
        pytest.param([[Seen(100)]] * 4, [0, 0, 0, 0], id="stays"),
        pytest.param([[Seen(x)] for x in (100, 120, 160, 170)], [0, 0, 0, 0], id="moves slowly"),
        pytest.param([[Seen(100)], [Seen(230)]], [0, 0], id="moves out of its box"),
        pytest.param([[Seen(100)], [Seen(900)]], [0, 1], id="further than a person moves"),
        pytest.param([[Seen(100)], [Seen(105, person=1)]], [0, 1], id="another sits down"),
        pytest.param(
            [[Seen(100)], [Seen(100, blur=0.45)]], [0, 0], id="in its place, hardly recognised"
        ),
        pytest.param(
            [[Seen(100)], [Seen(230, blur=0.45)]], [0, 1], id="elsewhere, hardly recognised"
        ),
        pytest.param([[Seen(100)], [Seen(230, size=190)]], [0, 1], id="elsewhere, of another size"),
        pytest.param([[Seen(100)], [], [Seen(110)]], [0, 0], id="missed once"),
        pytest.param([[Seen(100)], [], [], [Seen(110)]], [0, 0], id="missed twice, for 0.6 s"),
        pytest.param([[Seen(100)], [], [], [], [Seen(110)]], [0, 1], id="missed too long"),
        pytest.param(
            [[Seen(100), Seen(400, 1)], [Seen(100)], [Seen(100), Seen(400, 1)]],
            [0, 1, 0, 0, 1],
            id="one of two is missed",
        ),
        pytest.param(
            [[Seen(100 + 40 * i, 0), Seen(300 - 40 * i, 1)] for i in range(6)],
            [0, 1] * 6,
            id="two cross",
        ),
        pytest.param(
            [[Seen(100, 0), Seen(220, 1)], [Seen(100, 1), Seen(220, 0)]],
            [0, 1, 1, 0],
            id="two swap places",
        ),
        pytest.param(
            [[Seen(100)], [Seen(90), Seen(110)]], [0, 0, 1], id="two alike, one continues"
        ),
        pytest.param(
            [[Seen(100), Seen(160)], [Seen(110), Seen(170)]],
            [0, 1, 0, 1],
            id="two alike, side by side",
        ),
        pytest.param(
            [[Seen(100)], [Seen(100), Seen(500, 1)], [Seen(500, 1)], [Seen(100, 2), Seen(500, 1)]],
            [0, 0, 1, 1, 2, 1],
            id="numbered by first sight",
        ),
    ],
)
def test_tracklets(frames: Sequence[Sequence[Seen]], expected: list[int]) -> None:
    assert numbers(frames) == expected


def test_no_tracklet_spans_a_cut() -> None:
    assert numbers([[Seen(100)]] * 4, shots=[0, 0, 1, 1]) == [0, 0, 1, 1]
    # This holds even where the shot after the cut looks the same.
    assert numbers([[Seen(100)], [], [Seen(100)]], shots=[0, 1, 2]) == [0, 1]


@pytest.mark.parametrize(
    ("every_s", "expected"), [(0.3, [0, 0, 0]), (1, [0, 0, 1]), (10, [0, 0, 1])]
)
def test_sparse_samples_are_linked_to_the_next_only(every_s: float, expected: list[int]) -> None:
    assert numbers([[Seen(100)], [Seen(100)], [], [Seen(100)]], every_s=every_s) == expected


def test_more_time_lets_a_face_move_further() -> None:
    frames = [[Seen(100)], [Seen(400)]]
    assert numbers(frames, every_s=0.2) == [0, 1]
    assert numbers(frames, every_s=1) == [0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_a_tracklet_has_one_face_per_frame_and_one_shot(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crowd = [
        [Seen(float(rng.uniform(0, 900)), int(rng.integers(0, 3)), float(rng.uniform(0, 0.4)))]
        * int(rng.integers(0, 3))
        + [Seen(float(rng.uniform(0, 900))) for _ in range(int(rng.integers(0, 4)))]
        for _ in range(40)
    ]
    frames, faces = film(crowd, shots=np.sort(rng.integers(0, 4, 40)).tolist())
    kept = faces.take(slice(None))
    found = tracklet_numbers(frames, faces)
    pairs = list(zip(faces.frame_index.tolist(), found.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    shot = frames.shot[np.searchsorted(frames.frame_index, faces.frame_index)]
    assert len(set(zip(found.tolist(), shot.tolist(), strict=True))) == found.max() + 1
    firsts = np.unique(found, return_index=True)[1]
    assert (np.diff(firsts) > 0).all()
    assert np.array_equal(found, tracklet_numbers(frames, faces))
    assert all(np.array_equal(getattr(faces, n), getattr(kept, n)) for n in Faces.COLUMNS)
