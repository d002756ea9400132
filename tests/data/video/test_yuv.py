from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.video.footage import probe
from data.video.reader import decode_frames, read_frames
from data.video.yuv import BT709, Colours, planes_of
from tests.clips.catalogue import Clips
from tests.clips.numbered import picture

SD = Colours(6, 6, 6)


def frame(format_name: str, *, height: int = 96, full: bool = False) -> Any:
    import av

    made = av.VideoFrame.from_ndarray(picture(5, height=height), format="rgb24")
    if full:
        from av.video.reformatter import ColorRange

        return made.reformat(format=format_name, dst_color_range=ColorRange.JPEG)
    return made.reformat(format=format_name)


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv422p10le", "nv12", "gray", "rgb24"])
def test_every_format_becomes_the_same_planes(name: str) -> None:
    expected, found = planes_of(frame("yuv420p")), planes_of(frame(name))
    assert found.wh == expected.wh == (160, 96)
    assert found.u.shape == found.v.shape == (48, 80)
    assert np.abs(found.y.astype(int) - expected.y).mean() < 3
    if name != "gray":
        assert np.abs(found.u.astype(int) - expected.u).mean() < 4


def test_the_full_range_is_narrowed() -> None:
    found = planes_of(frame("yuvj420p", full=True))
    assert np.abs(found.y.astype(int) - planes_of(frame("yuv420p")).y).mean() < 2


def test_nothing_is_copied_without_need() -> None:
    decoded = frame("yuv420p")
    planes = planes_of(decoded)
    decoded.planes[0].update(bytes(decoded.planes[0].buffer_size))
    assert planes.y.max() == 0


@pytest.mark.parametrize(
    ("tags", "height", "colours"),
    [
        ((2, 2, 2), 96, SD),
        ((2, 2, 2), 720, BT709),
        ((1, 1, 1), 96, BT709),
        ((9, 9, 16), 96, Colours(9, 9, 16)),
        ((0, 1, 13), 96, Colours(6, 1, 13)),
        ((5, 0, 2), 720, Colours(5, 1, 1)),
    ],
    ids=["SD", "HD", "tagged", "HDR", "RGB", "partly tagged"],
)
def test_colours_keep_their_meaning(
    tags: tuple[int, int, int], height: int, colours: Colours
) -> None:
    one = frame("yuv420p", height=height)
    one.colorspace, one.color_primaries, one.color_trc = tags
    assert planes_of(one).colours == colours


@pytest.mark.parametrize(
    "clip", ["turned_90.mp4", "turned_180.mp4", "turned_270.mp4", "mirrored.mp4"]
)
def test_planes_are_upright(clip: str, clips: Clips) -> None:
    for decoded, shown in zip(
        decode_frames(probe(clips(clip))), read_frames(clips(clip)), strict=True
    ):
        grey = shown.image.astype(float) @ np.array([0.257, 0.504, 0.098]) + 16
        assert np.abs(decoded.planes().y - grey).mean() < 3


@pytest.mark.parametrize("clip", ["constant_rate.mp4", "delayed_start.mkv", "elementary.h264"])
def test_decoded_frames_equal_those_of_the_reader(clip: str, clips: Clips) -> None:
    footage = probe(clips(clip))
    decoded = list(decode_frames(footage))
    read = list(read_frames(footage))
    assert [(f.index, f.time_s) for f in decoded] == [(f.index, f.time_s) for f in read]
    np.testing.assert_array_equal(decoded[7].frame().image, read[7].image)
    between = list(decode_frames(footage, after_index=40, until_index=50))
    assert [one.index for one in between] == list(range(41, 50))
    later = list(decode_frames(footage, after_index=40))
    assert [f.index for f in later] == [f.index for f in decoded if f.index > 40]
    assert {f.start_s for f in decoded} == {later[0].start_s}


def test_start_time_of_a_footage(clips: Clips) -> None:
    first = next(decode_frames(probe(clips("delayed_start.mkv"))))
    assert float(first.start_s) == pytest.approx(5.0)


@pytest.mark.parametrize("clip", ["constant_rate.mp4", "delayed_start.mkv", "silent.mp4"])
def test_frame_durations(clip: str, clips: Clips) -> None:
    frames = list(decode_frames(probe(clips(clip))))
    lasts = {round(float(frame.duration_s), 3) for frame in frames}
    assert lasts == {round(frames[1].time_s, 3)}


def test_pictures_are_not_decoded(clips: Clips) -> None:
    with pytest.raises(ValueError, match="must be a video, got image"):
        decode_frames(probe(clips("still.png")))
