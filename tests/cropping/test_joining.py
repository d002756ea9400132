from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cropping.encoding import EncoderSettings, Form, PieceWriter
from cropping.joining import Piece, Span, join, stamps
from data.errors import InputError
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
def test_stamps(pts: list[int], end: int, dts: list[int], duration: list[int]) -> None:
    found = stamps(np.array(pts, np.int64), end=end)
    assert found.dts.tolist() == dts
    assert found.duration.tolist() == duration
    assert (found.dts <= found.pts).all()


def write_pieces(folder: Path, counts: list[int]) -> list[Piece]:
    """Pieces of a film of 25 frames a second, B-frames and all; every tenth is a keyframe."""
    pieces, index = [], 0
    form = Form((64, 48), TICK, Fraction(25))
    random = np.random.default_rng(0)
    for number, count in enumerate(counts):
        writer = PieceWriter(folder / f"{number}.nut", EncoderSettings(), form)
        for place in range(count):
            frame, planes = writer.picture()
            planes.y[:] = random.integers(16, 200, planes.y.shape, np.uint8) // 4 + index
            planes.u[:], planes.v[:] = 128, 128
            writer.write(frame, tick=index * 40, keyframe=not place or index % 10 == 0)
            index += 1
        writer.close()
        pieces.append(Piece(writer.path))
    return pieces


def test_pieces_become_one_film(tmp_path: Path) -> None:
    pieces = write_pieces(tmp_path, [20, 20, 7])
    join(tmp_path / "film.mp4", pieces, [Span(Fraction(0), Fraction(47, 25))], sound=None)
    film = read_video(tmp_path / "film.mp4")
    assert film.times_s == pytest.approx(np.arange(47) / 25)
    assert film.duration_s == pytest.approx(47 / 25)
    assert film.moov_first
    assert film.chapters == []
    assert {0.0, 0.4, 0.8, 1.2, 1.6} <= {round(float(t), 6) for t in film.keyframes_s}


def test_spans_follow_each_other_as_chapters(tmp_path: Path) -> None:
    import av

    pieces = write_pieces(tmp_path, [30, 20])
    spans = [
        Span(Fraction(10, 25), Fraction(20, 25), "0:00"),
        Span(Fraction(40, 25), Fraction(50, 25), "0:01"),
    ]
    join(tmp_path / "whole.mp4", pieces, [Span(Fraction(0), Fraction(2))], sound=None)
    join(tmp_path / "best.mp4", [Piece(tmp_path / "whole.mp4")], spans, sound=None)
    best = read_video(tmp_path / "best.mp4")
    assert best.times_s == pytest.approx(np.arange(20) / 25)
    assert best.duration_s == pytest.approx(20 / 25)
    assert best.chapters == [(0, 0.4, "0:00"), (0.4, 0.8, "0:01")]
    shown = []
    for name in ("whole.mp4", "best.mp4"):
        with av.open(str(tmp_path / name)) as source:
            shown.append([f.to_ndarray(format="gray").mean() for f in source.decode(video=0)])
    assert shown[1] == pytest.approx(shown[0][10:20] + shown[0][40:50])


def test_nowhere_to_write(tmp_path: Path) -> None:
    pieces = write_pieces(tmp_path, [3])
    with pytest.raises(InputError, match="cannot be written"):
        join(tmp_path / "no" / "film.mp4", pieces, [Span(Fraction(0), Fraction(1))], sound=None)
