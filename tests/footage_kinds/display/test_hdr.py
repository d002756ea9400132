"""HDR is converted to SDR of BT.709 for all that looks at pixels, and for the written videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.video.display.tone_mapping import HLG, PQ
from data.video.footage import probe
from data.video.reader import decode_frames, pick_frames, read_frames
from data.video.yuv import BT709, Colours
from tests.clips.numbered import picture
from tests.clips.stored import frame_of, grey_frame, pq_frame, write_frames
from tests.cropping.written_video import read_video
from tests.footage_kinds.commands import clustered, cropped, images_of

NITS = (0.0, 5.0, 36.5, 100.0, 203.0, 1000.0, 4000.0)
"""Black, shadow, mid-grey, skin, diffuse white, and highlights: BT.2408, table 1."""
WIDTH = 32 * len(NITS)
BT2020 = 9
OPTIONS = {
    "libx265": {"crf": "5", "x265-params": "log-level=none", "preset": "ultrafast"},
    "libx264": {"crf": "5"},
    "libsvtav1": {"crf": "5", "preset": "12"},
}


def ramp() -> np.ndarray:
    """Return patches of grey, ``(96, w)`` cd/m2."""
    return np.repeat(np.array(NITS), 32)[None].repeat(96, 0)


def patches(image: np.ndarray) -> np.ndarray:
    """Return the brightness of each patch in 0 to 1, and assert that it is grey."""
    middles = np.array([image[40:56, 32 * n + 12 : 32 * n + 20] for n in range(len(NITS))])
    mean = middles.reshape(len(NITS), -1, 3).mean(1)
    assert np.ptp(mean, axis=1).max() <= 5
    return np.asarray(mean.mean(1) / 255)


def write(path: Path, frame: Any, codec: str, count: int = 10) -> None:
    options = OPTIONS.get(codec, {})
    if codec == "prores_ks":
        frame = frame.reformat(format="yuv422p10le")
    write_frames(path, [frame] * count, codec=codec, options=options)


def assert_sdr(image: np.ndarray) -> None:
    black, shadow, middle, skin, white, bright, brightest = patches(image)
    assert black < 0.02
    assert 0.15 < shadow < 0.27
    assert 0.42 < middle < 0.54
    assert 0.65 < skin < 0.78
    assert 0.75 < white < 0.9
    assert white + 0.05 < bright <= brightest <= 1


CODECS = [
    ("a.mp4", "libx265", PQ),
    ("a.mp4", "libx265", HLG),
    ("a.mkv", "ffv1", PQ),
    ("a.webm", "libsvtav1", HLG),
    ("a.mov", "prores_ks", PQ),
    ("a.mkv", "libx264", PQ),
    ("a.ts", "libx265", HLG),
]


@pytest.mark.parametrize(("name", "codec", "transfer"), CODECS)
def test_hdr_becomes_sdr(name: str, codec: str, transfer: int, tmp_path: Path) -> None:
    path = tmp_path / name
    nits = np.minimum(ramp(), 1000) if transfer == HLG else ramp()
    write(path, pq_frame(nits, transfer), codec)
    footage = probe(path)
    frames = list(read_frames(footage))
    assert [frame.index for frame in frames] == list(range(10))
    image = frames[0].image
    assert_sdr(image)
    assert {decoded.planes().colours for decoded in decode_frames(footage)} == {BT709}
    (picked,) = pick_frames(footage, np.array([7]), threads=1)
    assert (picked.image == frames[7].image).all()


@pytest.mark.parametrize("primaries", [2, 1, 12], ids=["unspecified", "BT.709", "P3"])
def test_other_primaries(primaries: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, pq_frame(ramp(), PQ, primaries), "libx265")
    assert_sdr(images_of(path)[0])


@pytest.mark.parametrize(
    ("pix_fmt", "tags", "is_hdr"),
    [
        ("yuv420p", (1, 1, PQ), False),
        ("yuv420p", (BT2020, BT2020, PQ), True),
        ("yuv420p", (BT2020, BT2020, HLG), True),
        ("yuv420p10le", (1, 1, 1), False),
        ("yuv420p10le", (BT2020, BT2020, 14), False),
    ],
    ids=["8 bit flagged by mistake", "8 bit PQ", "8 bit HLG", "10 bit", "10 bit wide gamut"],
)
def test_flags_that_are_a_mistake_change_nothing(
    pix_fmt: str, tags: tuple[int, int, int], is_hdr: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    frame = frame_of(picture(5), pix_fmt)
    frame.colorspace, frame.color_primaries, frame.color_trc = tags
    frame.color_range = 1
    write(path, frame, "libx264", 3)
    colours = next(decode_frames(probe(path))).planes().colours
    assert colours == (BT709 if is_hdr else Colours(*tags))


def test_saturated_colours_stay_distinct() -> None:
    """Colours outside BT.709 keep their hue instead of being clipped."""
    from data.video.display.tone_mapping import to_sdr

    hues = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]], float) * 0.6
    sdr = to_sdr(hues, PQ, BT2020)
    for colour, found in zip(hues, sdr, strict=True):
        assert found.min() >= 0
        assert found.max() <= 1
        low, high = found[colour == 0].max(), found[colour > 0].min()
        assert low < 0.6 * high


@pytest.mark.parametrize(("name", "codec", "transfer"), CODECS[:3])
def test_every_command(
    name: str, codec: str, transfer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"clip{Path(name).suffix}"
    write(path, pq_frame(np.minimum(ramp(), 1000), transfer), codec, 15)
    clustered(path, monkeypatch.setattr)
    summary, images = cropped(path, tmp_path / "crops")
    assert summary.damage == "HDR converted to SDR"
    video = read_video(summary.people[0].files[0])
    assert (video.pix_fmt, video.colours) == ("yuv420p", (1, 1, 1, 1))
    assert len(images) == 15
    seen = images_of(path)[0]
    assert abs(np.median(images[5]) - np.median(seen)) < 40


def test_a_mid_grey_screen_is_mid_grey(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, grey_frame(np.full((96, 160), 0.38), PQ, BT2020), "libx265", 3)
    assert 100 < images_of(path)[0].mean() < 135
