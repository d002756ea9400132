from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cropping.render.encoder import ChunkWriter, EncoderSettings, VideoFormat, new_frame
from cropping.render.mux import Chunk, Excerpt, mux, packet_times
from data.core.errors import InputError
from tests.cropping.written_video import read_video

TICK = Fraction(1, 1000)


@pytest.mark.parametrize(
    ("pts", "end", "dts", "duration"),
    [
        ([], 0, [], []),
        ([0], 40, [0], [40]),
        ([0, 40, 80], 120, [0, 40, 80], [40, 40, 40]),
        ([0, 120, 40, 80], 160, [-40, 0, 40, 80], [40, 40, 40, 40]),
        ([0, 120, 80, 40], 160, [-80, -40, 0, 40], [40, 40, 40, 40]),
        ([0, 500, 40, 100], 520, [-20, 0, 40, 100], [40, 20, 60, 400]),
    ],
    ids=["empty", "one", "in order", "two B", "a pyramid", "varying rate"],
)
def test_packet_times(pts: list[int], end: int, dts: list[int], duration: list[int]) -> None:
    found = packet_times(np.array(pts, np.int64), end=end)
    assert found.dts.tolist() == dts
    assert found.duration.tolist() == duration
    assert (found.dts <= found.pts).all()


def write_chunk(path: Path, frames: Iterable[int], *, step: int = 40) -> Path:
    """Write a frame every ``step`` ms with B-frames, one in ten a keyframe."""
    video_format = VideoFormat((64, 48), TICK, Fraction(25))
    writer = ChunkWriter(path, EncoderSettings(), video_format)
    for place, index in enumerate(frames):
        noise = np.random.default_rng(index).integers(16, 200, (48, 64), np.uint8)
        frame, planes = new_frame(video_format)
        planes.y[:], planes.u[:], planes.v[:] = noise // 4 + index, 128, 128
        writer.write(frame, tick=index * step, keyframe=not place or index % 10 == 0)
    writer.close()
    return path


def write_chunks(folder: Path, counts: list[int]) -> list[Chunk]:
    ends = np.cumsum(counts).tolist()
    return [
        Chunk(write_chunk(folder / f"{end}.nut", range(end - count, end)))
        for count, end in zip(counts, ends, strict=True)
    ]


def brightness(path: Path) -> list[float]:
    import av

    with av.open(str(path)) as source:
        return [f.to_ndarray(format="gray").mean() for f in source.decode(video=0)]


def test_chunks_become_one_video(tmp_path: Path) -> None:
    chunks = write_chunks(tmp_path, [20, 20, 7])
    mux(tmp_path / "film.mp4", chunks, [Excerpt(Fraction(0), Fraction(47, 25))], sound=None)
    film = read_video(tmp_path / "film.mp4")
    assert film.times_s == pytest.approx(np.arange(47) / 25)
    assert film.duration_s == pytest.approx(47 / 25)
    assert film.moov_first
    assert film.chapters == []
    assert {0.0, 0.4, 0.8, 1.2, 1.6} <= {round(float(t), 6) for t in film.keyframes_s}


def test_frames_of_a_millisecond_are_all_written(tmp_path: Path) -> None:
    chunk = Chunk(write_chunk(tmp_path / "chunk.nut", range(40), step=1))
    mux(tmp_path / "film.mp4", [chunk], [Excerpt(Fraction(0), Fraction(40, 1000))], sound=None)
    mux(
        tmp_path / "best.mp4",
        [Chunk(tmp_path / "film.mp4")],
        [Excerpt(Fraction(10, 1000), Fraction(20, 1000))],
        sound=None,
    )
    assert read_video(tmp_path / "film.mp4").times_s == pytest.approx(np.arange(40) / 1000)
    complete = brightness(tmp_path / "film.mp4")
    assert brightness(tmp_path / "best.mp4") == pytest.approx(complete[10:20])


def test_excerpts_become_chapters(tmp_path: Path) -> None:
    chunks = write_chunks(tmp_path, [30, 20])
    excerpts = [
        Excerpt(Fraction(10, 25), Fraction(20, 25), "0:00"),
        Excerpt(Fraction(40, 25), Fraction(50, 25), "0:01"),
    ]
    mux(tmp_path / "complete.mp4", chunks, [Excerpt(Fraction(0), Fraction(2))], sound=None)
    mux(tmp_path / "best.mp4", [Chunk(tmp_path / "complete.mp4")], excerpts, sound=None)
    best = read_video(tmp_path / "best.mp4")
    assert best.times_s == pytest.approx(np.arange(20) / 25)
    assert best.duration_s == pytest.approx(20 / 25)
    assert best.chapters == [(0, 0.4, "0:00"), (0.4, 0.8, "0:01")]
    complete = brightness(tmp_path / "complete.mp4")
    assert brightness(tmp_path / "best.mp4") == pytest.approx(complete[10:20] + complete[40:50])


@pytest.mark.parametrize(
    ("own", "shared"),
    [
        ([*range(10, 20), *range(30, 40)], [*range(10), *range(20, 30)]),
        ([*range(10)], [*range(40)]),
        ([*range(20, 30)], [*range(20), *range(30, 40)]),
        ([], [*range(40)]),
        ([*range(40)], []),
    ],
    ids=["in turn", "shared is complete", "once", "always absent", "never absent"],
)
def test_frames_missing_from_own_chunks_come_from_shared_ones(
    own: list[int], shared: list[int], tmp_path: Path
) -> None:
    chunk = Chunk(
        write_chunk(tmp_path / "own.nut", own), write_chunk(tmp_path / "shared.nut", shared)
    )
    after = Chunk(write_chunk(tmp_path / "after.nut", range(40, 47)))
    mux(tmp_path / "film.mp4", [chunk, after], [Excerpt(Fraction(0), Fraction(47, 25))], sound=None)
    film = read_video(tmp_path / "film.mp4")
    assert film.times_s == pytest.approx(np.arange(47) / 25)
    assert film.duration_s == pytest.approx(47 / 25)
    assert np.diff(brightness(tmp_path / "film.mp4")) == pytest.approx(1, abs=1.5)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    chunks = write_chunks(tmp_path, [3])
    with pytest.raises(InputError, match="cannot be written"):
        mux(tmp_path / "no" / "film.mp4", chunks, [Excerpt(Fraction(0), Fraction(1))], sound=None)
