from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clustering.pairing.on_air import OffSettings, is_black, is_still, on_air_intervals
from data.core.arrays import Image
from data.core.errors import InputError
from data.core.intervals import Intervals
from data.video.footage import probe
from data.video.packet_index import index_packets
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clips.numbered import HEIGHT, WIDTH, picture, pictures

RATE = 10
FRAMES = 300
BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def record(
    path: Path, *, black: Sequence[range] = (), still: Sequence[range] = (), gap: range = range(0)
) -> Path:
    """Write half a minute of numbered pictures: some black, some repeated, some missing."""
    repeated = {number: one.start for one in still for number in one}
    dark = {number for one in black for number in one}
    numbers = [number for number in range(FRAMES) if number not in gap]
    images: list[Image] = [
        BLACK if number in dark else picture(repeated.get(number, number)) for number in numbers
    ]
    encode(path, images, rate=RATE, times_s=[number / RATE for number in numbers])
    return path


def on(path: Path, settings: OffSettings | None = None) -> list[tuple[float, float]]:
    intervals: Intervals = on_air_intervals(probe(path), settings or OffSettings())
    return [(round(begin, 6), round(end, 6)) for begin, end in intervals.tolist()]


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        pytest.param({}, [(0, 30)], id="always on"),
        pytest.param({"gap": range(73, 140)}, [(0, 7.3), (14, 30)], id="gap"),
        pytest.param({"gap": range(73, 122)}, [(0, 30)], id="gap too short to count"),
        pytest.param({"gap": range(73, 123)}, [(0, 7.3), (12.3, 30)], id="gap just long enough"),
        pytest.param({"black": [range(73, 140)]}, [(0, 7.3), (14, 30)], id="black"),
        pytest.param({"black": [range(73, 122)]}, [(0, 30)], id="black too shortly"),
        pytest.param({"black": [range(73, 123)]}, [(0, 7.3), (12.3, 30)], id="black just enough"),
        pytest.param({"black": [range(77)]}, [(7.7, 30)], id="black at first"),
        pytest.param({"black": [range(211, 300)]}, [(0, 21.1)], id="black in the end"),
        pytest.param(
            {"black": [range(60, 115), range(127, 200)]},
            [(0, 6), (11.5, 12.7), (20, 30)],
            id="back for a moment",
        ),
        pytest.param(
            {"gap": range(60, 90), "black": [range(90, 121)]},
            [(0, 6), (12.1, 30)],
            id="gap, then black, long enough together",
        ),
        pytest.param(
            {"black": [range(33, 60)], "gap": range(60, 90)},
            [(0, 3.3), (9, 30)],
            id="black, then gap, long enough together",
        ),
        pytest.param({"still": [range(73, 240)]}, [(0, 30)], id="a still picture"),
    ],
)
def test_on_air_intervals(
    tmp_path: Path, off: dict[str, Any], expected: list[tuple[float, float]]
) -> None:
    assert on(record(tmp_path / "a.mp4", **off)) == expected


@pytest.mark.parametrize("name", ["a.mkv", "a.mov"])
def test_other_containers(tmp_path: Path, name: str) -> None:
    path = record(tmp_path / name, gap=range(73, 140), black=[range(200, 261)])
    assert on(path) == [(0, 7.3), (14, 20), (26.1, 30)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (OffSettings(shortest_s=10), [(0, 30)]),
        (OffSettings(shortest_s=1.5), [(0, 7.3), (9.1, 30)]),
        (OffSettings(frozen_s=5), [(0, 15), (22, 30)]),
        (OffSettings(frozen_s=8), [(0, 30)]),
        (OffSettings(shortest_s=1.5, frozen_s=5), [(0, 7.3), (9.1, 15), (22, 30)]),
    ],
)
def test_settings(
    tmp_path: Path, settings: OffSettings, expected: list[tuple[float, float]]
) -> None:
    path = record(tmp_path / "a.mp4", black=[range(73, 91)], still=[range(150, 220)])
    assert on(path, settings) == expected


def test_one_picture_per_ten_seconds_is_no_disconnect(tmp_path: Path) -> None:
    times_s = [0, 10, 20, 30, 50, 60, 70]
    encode(tmp_path / "a.mp4", pictures(7), rate=RATE, times_s=times_s)
    assert on(tmp_path / "a.mp4") == [(0, 80)]


def test_black_throughout(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", black=[range(FRAMES)])
    with pytest.raises(InputError, match=r"a\.mp4: black or still throughout"):
        on(path)


@pytest.mark.parametrize("name", ["constant_rate.mp4", "varying_rate.mp4", "elementary.h264"])
def test_sampled_frames_are_counted(clips: Clips, name: str) -> None:
    frames: list[int] = []
    footage = probe(clips(name))
    on_air_intervals(footage, OffSettings(), advance=lambda: frames.append(1))
    assert len(frames) >= int(footage.duration_s)


def test_pictures() -> None:
    grey = np.full((20, 20), 100, np.uint8)
    dark = np.full((20, 20), 20, np.uint8)
    dark[0, :8] = 255  # such as a name in a corner
    assert is_black(dark)
    dark[1, :8] = 255
    assert not is_black(dark)
    assert not is_black(grey)
    assert is_still(grey, grey.copy())
    assert not is_still(grey, grey + 1)
    assert not is_still(grey, grey[:10])


@pytest.mark.slow
def test_real_footage_is_never_off(shared: Path) -> None:
    clips = sorted((shared / "footage").glob("*.m*"))
    assert clips
    for clip in clips:
        footage = probe(clip)
        intervals = on_air_intervals(footage, OffSettings())
        assert len(intervals) == 1, clip
        index = index_packets(footage)
        assert index is not None
        assert intervals[0, 0] == 0
        assert intervals[0, 1] > index.times_s[-1]


@pytest.mark.slow
def test_a_title_card_is_as_still_as_a_frozen_camera(shared: Path) -> None:
    """This is why still pictures do not count by default."""
    meeting = probe(shared / "footage" / "meeting_a.mp4")
    intervals = on_air_intervals(meeting, OffSettings(frozen_s=5))
    assert intervals.ravel().tolist() == pytest.approx([0, 34.03, 43.68, 63], abs=0.05)
