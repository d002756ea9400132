from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cropping.smiles.gaze import Gaze, GazeReader
from cropping.smiles.scorer import SmileScorer, average_over_neighbours
from data.core.arrays import UNKNOWN
from data.tables.smiles import Smiles
from data.tables.tracks import FACE, FILLED, Tracks
from data.video.frames import Frame
from tests.cropping.smile_rows import smiles


class Brightness:
    """Score a face by its brightness, and count the calls."""

    key = "brightness"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def smile(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(patches))
        return np.asarray(patches.mean(axis=(1, 2)) / 255, np.float32)


class Ahead(GazeReader):
    """Report every face as frontal, and count the calls."""

    def __init__(self) -> None:
        self.read_count = 0

    def read(self, portrait: NDArray[np.uint8]) -> Gaze:  # noqa: ARG002 - as a GazeReader
        self.read_count += 1
        return Gaze(0.0, 0.3)


def frame(index: int, time_s: float, *faces: int) -> Frame:
    """Return a frame of squares of these brightnesses next to each other, on grey."""
    image = np.full((60, 200, 3), 90, np.uint8)
    for number, brightness in enumerate(faces):
        image[10:50, 10 + 60 * number : 50 + 60 * number] = brightness
    return Frame(index, time_s, image)


def tracks(
    frames: int, people: tuple[int, ...] = (1, 2), *, rate: float = 10, filled: tuple[int, ...] = ()
) -> Tracks:
    index = np.repeat(np.arange(frames), len(people))
    boxes = [[10 + 60 * n, 10, 50 + 60 * n, 50] for n in range(len(people))]
    return Tracks.ordered(
        frame_index=index,
        time_s=index / rate,
        person_id=np.tile(np.array(people, np.int64), frames),
        xyxy=np.tile(np.array(boxes, np.float32), (frames, 1)),
        confidence=np.ones(len(index), np.float32),
        source=np.where(np.isin(index, filled), FILLED, FACE).astype(np.int8),
    )


def scored(rows: Tracks, frames: list[Frame], **options: float) -> tuple[Smiles, Brightness, Ahead]:
    model, gaze = Brightness(), Ahead()
    scorer = SmileScorer(model, rows, gaze=gaze, **options)
    for one in frames:
        scorer.score_frame(one)
    return scorer.finish(), model, gaze


def test_no_frames_no_smiles() -> None:
    assert len(scored(tracks(5), [])[0]) == 0


def test_no_tracks_no_smiles() -> None:
    assert len(scored(Tracks.empty(), [frame(0, 0.0, 200)])[0]) == 0


def test_every_face_of_every_sampled_frame_is_scored() -> None:
    found, model, _ = scored(tracks(5), [frame(i, i / 10, 250, 20) for i in range(5)])
    assert found.frame_index.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert found.person_id.tolist() == [1, 2] * 5
    assert sum(model.batches) == 20
    bright, dark = found.smile[::2], found.smile[1::2]
    assert bright.min() > dark.max()
    assert found.time_s.tolist() == pytest.approx([0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4])


def test_ten_frames_a_second_are_scored() -> None:
    found, _, _ = scored(tracks(60, rate=60), [frame(i, i / 60, 200, 20) for i in range(60)])
    assert len(np.unique(found.frame_index)) == 10
    fewer, _, _ = scored(
        tracks(60, rate=60), [frame(i, i / 60, 200, 20) for i in range(60)], samples_per_s=5
    )
    assert len(np.unique(fewer.frame_index)) == 5


def test_scoring_continues_after_a_gap() -> None:
    times = [0.0, 0.03, 3.0, 3.05, 3.1]
    found, _, _ = scored(tracks(5), [frame(i, t, 200) for i, t in enumerate(times)])
    assert sorted(set(found.frame_index.tolist())) == [0, 2, 4]


def test_interpolated_and_unknown_faces_are_not_scored() -> None:
    found, _, _ = scored(tracks(3, (UNKNOWN, 4), filled=(1,)), [frame(i, i / 10) for i in range(3)])
    assert found.frame_index.tolist() == [0, 2]
    assert set(found.person_id.tolist()) == {4}


def test_gaze_is_read_of_the_best_smile_of_each_half_second() -> None:
    bright = [240, 250, 245, 240, 240, 250, 240, 240, 240, 240]
    found, _, gaze = scored(
        tracks(10, (1,)), [frame(i, i / 10, value) for i, value in enumerate(bright)]
    )
    known = ~np.isnan(found.turn)
    assert known.sum() == gaze.read_count == 2
    dark, _, gaze = scored(tracks(10, (1,)), [frame(i, i / 10, 10) for i in range(10)])
    assert gaze.read_count == 0
    assert np.isnan(dark.eyes_open).all()


def test_a_track_outside_the_frame_is_no_error() -> None:
    found = tracks(2, (1,)).replace(
        xyxy=np.tile(np.array([500, 500, 540, 540], np.float32), (2, 1))
    )
    smiles_found, _, _ = scored(found, [frame(i, i / 10, 200) for i in range(2)])
    assert len(smiles_found) == 2
    assert (smiles_found.sharpness == 0).all()


def test_a_luma_plane_is_enough() -> None:
    model = Brightness()
    scorer = SmileScorer(model, tracks(1), gaze=Ahead())
    scorer.score(0, 0.0, frame(0, 0.0, 250, 20).image[..., 0])
    assert len(scorer.finish()) == 2
    assert not scorer.is_due(0.05)
    assert scorer.is_due(0.1)


def test_memory_does_not_grow_with_frames() -> None:
    """Patches are scored in batches and then discarded."""
    _, model, _ = scored(tracks(200), [frame(i, i / 10, 200, 20) for i in range(200)])
    assert max(model.batches) <= 64 + 2
    assert sum(model.batches) == 800


# --- averaging ------------------------------------------------------------------------------------


def test_a_single_frame_does_not_make_a_smile() -> None:
    averaged = average_over_neighbours(smiles([0.1] * 10 + [0.9] + [0.1] * 10))
    assert averaged.max() < 0.5
    assert averaged[0] == pytest.approx(0.1)


def test_averages_end_at_a_cut() -> None:
    table = smiles([0.9] * 5 + [0.1] * 5)
    boxes = table.xyxy.copy()
    boxes[5:] += 300
    averaged = average_over_neighbours(table.replace(xyxy=boxes))
    assert averaged.tolist() == pytest.approx([0.9] * 5 + [0.1] * 5)


def test_averages_are_of_one_person() -> None:
    both = Smiles.concatenate([smiles([0.9] * 5), smiles([0.1] * 5, person=2)])
    assert average_over_neighbours(both).tolist() == pytest.approx([0.9] * 5 + [0.1] * 5)
