from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from data.tables.timeline import Timeline, read_timeline


def frames(*index: int, cuts: tuple[int, ...] = ()) -> Timeline:
    times = np.array(index, np.float64) / 10
    return Timeline(np.array(index, np.int64), times, np.array(cuts, np.int64))


@pytest.mark.parametrize(
    ("line", "index", "rows", "shot"),
    [
        pytest.param(frames(), [], [], [], id="empty"),
        pytest.param(frames(0, 1, 2), [2, 0, 2], [2, 0, 2], [0, 0, 0], id="one shot"),
        pytest.param(frames(0, 3, 9), [3, 9], [1, 2], [0, 0], id="frames left out"),
        pytest.param(
            frames(0, 1, 2, 3, cuts=(1, 3)), [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 1, 2], id="cuts"
        ),
    ],
)
def test_rows_and_shot(line: Timeline, index: list[int], rows: list[int], shot: list[int]) -> None:
    frame_index = np.array(index, np.int64)
    assert line.rows(frame_index).tolist() == rows
    assert line.shot(frame_index).tolist() == shot


@pytest.mark.parametrize("index", [1, 10, -1])
def test_a_frame_that_was_not_read(index: int) -> None:
    with pytest.raises(ValueError, match=f"frame {index} must be"):
        frames(0, 3, 9).rows(np.array([3, index]))


@pytest.mark.parametrize(
    ("index", "time_s", "cuts", "message"),
    [
        ([0, 0], [0.0, 0.1], [], "frame_index must be increasing"),
        ([0, 1], [0.0, 0.0], [], "time_s must be increasing"),
        ([0, 1], [0.0, 0.1], [5, 5], "cuts must be increasing"),
        ([0, 1], [0.0], [], r"shape \(2,\)"),
    ],
)
def test_invalid_timelines(
    index: list[int], time_s: list[float], cuts: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Timeline(np.array(index), np.array(time_s), np.array(cuts, np.int64))


def test_the_file_of_track_people_is_read(tmp_path: Path) -> None:
    """The file holds more than the timeline."""
    line = frames(0, 3, 9, cuts=(3,))
    np.savez(
        tmp_path / "film.npz",
        found_score=np.zeros(5),
        frame_index=line.frame_index,
        time_s=line.time_s,
        cuts=line.cuts,
    )
    found = read_timeline(tmp_path / "film.npz")
    assert found.frame_index.tolist() == [0, 3, 9]
    assert (found.time_s.tolist(), found.cuts.tolist()) == ([0, 0.3, 0.9], [3])


@pytest.mark.parametrize("content", [None, b"", b"no zip at all"], ids=["missing", "empty", "text"])
def test_a_file_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "film.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"not readable .*; run track-people PROJECT --force"):
        read_timeline(tmp_path / "film.npz")


def test_a_file_that_lacks_a_column(tmp_path: Path) -> None:
    np.savez(tmp_path / "film.npz", frame_index=np.arange(3))
    with pytest.raises(InputError, match="run track-people PROJECT --force"):
        read_timeline(tmp_path / "film.npz")
