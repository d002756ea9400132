"""Interlaced video is deinterlaced, and each frame's pixels do not depend on how it is read."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.core.arrays import Image
from data.video.footage import Footage, probe
from data.video.reader import decode_frames, pick_frames, read_frames, sample_frames
from tests.clips.numbered import picture
from tests.clips.stored import frame_of, interleaved, write_frames
from tests.footage_kinds.commands import clustered, cropped, images_of

FRAMES = 24
SPEED = 5  # px per field
X264 = {"crf": "12", "g": "8"}
MPEG2 = {"b": "6M", "flags": "+ildct+ilme", "g": "8"}


def scene(count: int, wh: tuple[int, int] = (320, 240)) -> list[Image]:
    """Draw a panning picture with the coloured corners of people, which stay."""
    width, height = wh
    random = np.random.default_rng(3)
    coarse = random.integers(40, 215, (height // 16, (width + SPEED * count) // 16 + 1), np.uint8)
    wide = cv2.resize(coarse, None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    images = []
    for number in range(count):
        image = picture(5, width=width, height=height)
        pan = wide[24 : height - 24, SPEED * number : SPEED * number + width]
        image[24:-24] = pan[:, :, None]
        images.append(image)
    return images


def write(
    path: Path,
    *,
    order: str,
    flagged: bool = True,
    codec: str = "libx264",
    options: dict[str, str] = X264,
    wh: tuple[int, int] = (320, 240),
    pix_fmt: str = "yuv420p",
) -> list[Image]:
    """Write interlaced frames; return the images at the times of the first fields."""
    fields = scene(2 * FRAMES, wh)
    frames = interleaved(fields, top_first=order == "tff")
    flags = {"field_mode": order} if flagged else {}
    if flagged and codec == "libx264":
        options = options | {"x264-params": f"{order}=1"}
    stored = [frame_of(image, pix_fmt, **flags) for image in frames]
    write_frames(path, stored, codec=codec, options=options)
    return fields[::2]


def combing(image: Image) -> float:
    """Return how much each line differs from its neighbours in comparison to lines 2 apart."""
    luma = image[40:-40].astype(float).mean(-1)
    near = np.abs(2 * luma[2:-2] - luma[1:-3] - luma[3:-1]).mean()
    far = np.abs(2 * luma[2:-2] - luma[:-4] - luma[4:]).mean()
    return float(near / far)


def as_stored(footage: Footage) -> list[Image]:
    plain = replace(footage, form=replace(footage.form, fields="progressive"))
    return [frame.image for frame in read_frames(plain)]


CASES = [
    ("a.mp4", "tff", "libx264", X264, True),
    ("a.ts", "bff", "libx264", X264, True),
    ("a.mpg", "tff", "mpeg2video", MPEG2, True),
    ("a.ts", "bff", "mpeg2video", MPEG2, True),
    ("a.mp4", "tff", "libx264", X264, False),
    ("a.mkv", "bff", "libx264", X264, False),
    ("a.avi", "tff", "mjpeg", {"b": "30M"}, False),
]


@pytest.mark.parametrize(("name", "order", "codec", "options", "flagged"), CASES)
def test_lines_are_no_longer_combed(
    name: str, order: str, codec: str, options: dict[str, str], flagged: bool, tmp_path: Path
) -> None:
    path = tmp_path / name
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    truth = write(path, order=order, codec=codec, options=options, flagged=flagged, pix_fmt=pix_fmt)
    footage = probe(path)
    frames = list(read_frames(footage))
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert np.allclose([frame.time_s for frame in frames], np.arange(FRAMES) / 25, atol=1e-4)
    stored = as_stored(footage)
    for number in range(1, FRAMES - 1):
        assert combing(stored[number]) > 3
        assert combing(frames[number].image) < 1
        now = np.abs(frames[number].image.astype(int) - truth[number]).mean()
        assert now < 0.6 * np.abs(stored[number].astype(int) - truth[number]).mean()


@pytest.mark.parametrize("wh", [(720, 576), (720, 480)])
def test_dv(wh: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.dv"
    pix_fmt = "yuv420p" if wh[1] == 576 else "yuv411p"
    fields = scene(8, wh)
    frames = [
        frame_of(image, pix_fmt, field_mode="bff") for image in interleaved(fields, top_first=False)
    ]
    write_frames(path, frames, codec="dvvideo", rate=25 if wh[1] == 576 else Fraction(30000, 1001))
    footage = probe(path)
    assert footage.form.fields == "flagged"
    assert combing(images_of(path)[2]) < 1


@pytest.mark.parametrize(("name", "order", "codec", "options", "flagged"), CASES[:5])
def test_pixels_do_not_depend_on_where_reading_began(
    name: str, order: str, codec: str, options: dict[str, str], flagged: bool, tmp_path: Path
) -> None:
    path = tmp_path / name
    write(path, order=order, codec=codec, options=options, flagged=flagged)
    footage = probe(path)
    whole = images_of(path)
    runs = {
        "sampled": sample_frames(footage, every_s=0.2),
        "picked": pick_frames(footage, np.array([0, 1, 9, 15, FRAMES - 1])),
        "from a time": read_frames(footage, from_s=0.3, until_s=0.62),
        "resumed": read_frames(footage, after_index=12, threads=1),
        "segment": (f.frame() for f in decode_frames(footage, after_index=6, until_index=15)),
    }
    for run, frames in runs.items():
        read = list(frames)
        assert len(read) > 3, run
        for frame in read:
            assert (frame.image == whole[frame.index]).all(), (run, frame.index)
    segment = decode_frames(footage, after_index=6, until_index=15)
    assert [frame.index for frame in segment] == list(range(7, 15))


def test_progressive_frames_stored_as_interlaced_keep_their_detail(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    frames = [frame_of(image, field_mode="tff") for image in scene(FRAMES)]
    write_frames(path, frames, options=X264 | {"x264-params": "tff=1"})
    footage = probe(path)
    assert footage.form.fields == "progressive"
    for expected, found in zip(as_stored(footage), images_of(path), strict=True):
        assert (expected == found).all()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("lines", [0, 1, 4])
def test_progressive_video_is_not_touched(name: str, lines: int, tmp_path: Path) -> None:
    """Also where a square moves vertically by an even number of lines, which looks like fields."""
    path = tmp_path / name
    images = scene(FRAMES)
    for number, image in enumerate(images):
        top = 30 + lines * number
        image[top : top + 60, 100:180] = 230
    write_frames(path, [frame_of(image) for image in images], options=X264)
    assert probe(path).form.key == ""


def test_a_square_that_moves_by_whole_lines_is_progressive(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    frames = []
    for number in range(FRAMES):
        image = scene(1)[0]
        image[30 + 4 * number : 90 + 4 * number, 100:180] = 230
        frames.append(frame_of(image))
    write_frames(path, frames, options=X264)
    assert probe(path).form.key == ""


@pytest.mark.parametrize(("name", "order", "codec", "options", "flagged"), CASES[2:5])
def test_every_command(
    name: str,
    order: str,
    codec: str,
    options: dict[str, str],
    flagged: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"clip{Path(name).suffix}"
    truth = write(path, order=order, codec=codec, options=options, flagged=flagged)
    progressive = tmp_path / "progressive.mp4"
    write_frames(progressive, [frame_of(image) for image in truth], options=X264)
    assert clustered(path, monkeypatch.setattr).people == 4
    summary, images = cropped(path, tmp_path / "crops")
    assert summary.damage == "deinterlaced"
    assert summary.frames == len(images) == FRAMES
    _, expected = cropped(progressive, tmp_path / "expected")
    for found, image in zip(images[1:-1], expected[1:-1], strict=True):
        assert np.abs(found.astype(int) - image).mean() < 3
