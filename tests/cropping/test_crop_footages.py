from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cropping.camera.window import WindowSettings
from cropping.stage import CropsSummary
from data.core.errors import InputError
from data.video.frames import Frame
from data.video.reader import read_frames
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clips.numbered import number_of, picture
from tests.clips.videos import VARYING_TIMES_S
from tests.cropping.small_project import NAMES, crop, small_project
from tests.cropping.tracked_project import (
    at_rate,
    box,
    tracks_of,
    write_project,
)
from tests.cropping.written_video import read_video

CLIPS = {
    "constant rate": "constant_rate.mp4",
    "varying rate": "varying_rate.mp4",
    "no sound, NTSC": "silent.mp4",
    "starts late": "delayed_start.mkv",
    "starts late, .ts": "delayed_start.ts",
    "turned": "turned_90.mp4",
    "mirrored": "mirrored.mp4",
    "odd size, RGB": "odd_size.mkv",
    "no timestamps": "elementary.h264",
    "open groups": "open_groups.mkv",
    "joined": "joined.ts",
    "a name": "colon: 100%d.mp4",
}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_every_footage_keeps_its_frame_times(clip: str, clips: Clips, tmp_path: Path) -> None:
    footage = clips(clip)
    frames = list(read_frames(footage))
    summary = crop(small_project(tmp_path / "film.fancam", footage))
    for person in summary.people:
        video = read_video(person.files[0])
        assert video.times_s == pytest.approx([frame.time_s for frame in frames], abs=1e-5)
        assert np.diff(np.append(video.keyframes_s, video.times_s[-1])).max() <= _gap(frames)
        assert video.size_wh[0] % 2 == video.size_wh[1] % 2 == 0
        shown = list(read_frames(person.files[0]))
        # Ben is absent: the wide view shows the whole picture, and so its number.
        if person.name == "Ben" and shown[-1].image.shape[1] > 100:
            content = shown[-1].image
            lit = np.flatnonzero(content.mean(axis=(1, 2)) > 30)
            whole = content[lit[0] : lit[-1] + 1]
            assert number_of(whole) == number_of(frames[-1].image)


def _gap(frames: Sequence[Frame]) -> float:
    times = np.array([frame.time_s for frame in frames])
    return max(1.0, float(np.diff(times).max())) + 1e-6


def test_varying_rate_keeps_the_duration(clips: Clips, tmp_path: Path) -> None:
    footage = clips("varying_rate.mp4")
    summary = crop(small_project(tmp_path / "film.fancam", footage))
    video = read_video(summary.people[0].files[0])
    assert video.times_s == pytest.approx(VARYING_TIMES_S, abs=1e-5)
    assert video.duration_s == pytest.approx(read_video(footage).duration_s, abs=0.02)


def test_one_frame(tmp_path: Path) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(5)])
    summary = crop(small_project(tmp_path / "film.fancam", footage), only_present=True)
    assert summary.frames == 1
    assert read_video(summary.people[0].files[0]).times_s.tolist() == [0]
    assert read_video(summary.people[0].files[1]).times_s.tolist() == [0]


@pytest.mark.parametrize(
    ("window", "size_wh"),
    [
        (WindowSettings(size_wh=(40, 60)), (40, 60)),
        (WindowSettings(size_wh=(51, 63)), (52, 64)),
        (WindowSettings(size_wh=(160, 30)), (160, 30)),
        (WindowSettings(aspect=Fraction(1), height=333), (332, 332)),
        (WindowSettings(aspect=Fraction(16, 9), zoom="face"), (170, 96)),
        (WindowSettings(zoom="body", height=16), (8, 16)),
    ],
    ids=["small", "odd", "wide", "square", "landscape", "tiny"],
)
def test_sizes(window: WindowSettings, size_wh: tuple[int, int], tmp_path: Path) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(n) for n in range(6)])
    summary = crop(small_project(tmp_path / "film.fancam", footage), window=window)
    assert {read_video(person.files[0]).size_wh for person in summary.people} == {size_wh}


@pytest.mark.parametrize("size_wh", [(201, 631), (4000, 30), (30, 97)])
def test_a_size_larger_than_the_footage_is_refused(
    size_wh: tuple[int, int], tmp_path: Path
) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(0)])
    with pytest.raises(
        InputError, match=r"larger than the footage; give crop-people --size 160x96 or smaller"
    ):
        crop(
            small_project(tmp_path / "film.fancam", footage), window=WindowSettings(size_wh=size_wh)
        )


@pytest.mark.parametrize("absent", ["wide", "bars", "hold", "black"])
def test_absence(absent: str, tmp_path: Path) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [np.full((96, 160, 3), 200, np.uint8)] * 60)
    summary = crop(small_project(tmp_path / "film.fancam", footage), absent=absent)
    ben = [frame.image.astype(int) for frame in read_frames(summary.people[1].files[0])]
    assert ben[0].min() > 180
    last = ben[-1]
    expected = {"wide": (0.3, 0.5), "bars": (0.3, 0.5), "hold": (1, 1), "black": (0, 0)}[absent]
    assert expected[0] <= (last.mean(axis=2) > 180).mean() <= expected[1]
    # Above the whole picture is a dark enlargement of it, or a black bar.
    assert (60 < last[:20].mean() < 130) == (absent == "wide")
    assert len(ben) == 60


def test_bars_of_the_footage_are_not_shown(tmp_path: Path) -> None:
    image = np.zeros((96, 160, 3), np.uint8)
    image[18:78] = 200
    footage = tmp_path / "film.mp4"
    encode(footage, [image] * 20)
    for person in crop(small_project(tmp_path / "film.fancam", footage)).people:
        first = next(iter(read_frames(person.files[0]))).image
        assert first.min() > 180


def test_faces_of_other_people_are_blurred(tmp_path: Path) -> None:
    """Stripes on Ben's face disappear in Anna's video, but not in his own."""
    image = np.full((96, 160, 3), 120, np.uint8)
    image[28:52, 68:92:4] = 250
    footage = tmp_path / "film.mp4"
    encode(footage, [image] * 10, options={"crf": "10"})
    timeline = at_rate(10, rate=30)
    rows = {1: {f: box(100, 40) for f in range(10)}, 2: {f: box(80, 40) for f in range(10)}}
    tracks = tracks_of(timeline, rows)
    project = write_project(tmp_path / "film.fancam", footage, tracks, NAMES, timeline)
    window = WindowSettings(aspect=Fraction(160, 96), zoom="body")

    def stripes(summary: CropsSummary, person: int) -> float:
        last = list(read_frames(summary.people[person].files[0]))[-1].image.astype(float)
        return float(np.abs(np.diff(last[34:46, 70:90].mean(axis=2), axis=1)).mean())

    shown = stripes(crop(project, window=window), 0)
    blurred = crop(project, window=window, others="blur")
    assert stripes(blurred, 0) < shown / 5
    # Anna's face is blurred in Ben's video even where it overlaps his.
    assert stripes(blurred, 1) > shown / 3


def test_damage_is_reported(clips: Clips, tmp_path: Path) -> None:
    footage = clips("damaged.mp4")
    frames = list(read_frames(footage))
    summary = crop(small_project(tmp_path / "film.fancam", footage))
    assert "damaged" in summary.damage
    assert summary.frames == len(frames)
    video = read_video(summary.people[0].files[0])
    assert video.times_s == pytest.approx([frame.time_s for frame in frames], abs=1e-5)
