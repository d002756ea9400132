"""Frames whose size changes within a video: all are displayed at the largest size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import Image
from data.video.footage import probe
from data.video.reader import decode_frames, pick_frames
from tests.clips.numbered import corners_of, number_of, pictures
from tests.clips.stored import exif_clip, join, join_flv, write_changing
from tests.footage_kinds.commands import clustered, cropped, images_of

UPRIGHT = ["red", "green", "blue", "white"]
LARGE, SMALL, TALL = (320, 192), (160, 96), (96, 160)
HALF = 15
X264 = {"bf": "0", "crf": "10", "g": "10"}


def part(wh: tuple[int, int], first: int) -> list[Image]:
    width, height = wh
    return pictures(first + HALF, width=width, height=height)[first:]


def write(path: Path, sizes: list[tuple[int, int]], codec: str, **how: str) -> None:
    """Write a recording whose size changes, by one stream or by joined files."""
    options = X264 if codec == "libx264" else {"b": "3M", "qscale": "2", "g": "10", **how}
    parts = [part(wh, HALF * number) for number, wh in enumerate(sizes)]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    if path.suffix in (".ts", ".mpg", ".h264"):
        files = [path.with_name(f"{number}{path.suffix}") for number in range(len(parts))]
        for file, images in zip(files, parts, strict=True):
            write_changing(file, [images], codec=codec, options=options)
        join(path, files)
    else:
        write_changing(path, parts, codec=codec, options=options, pix_fmt=pix_fmt)


CASES = [
    ("a.ts", "libx264"),
    ("a.ts", "mpeg2video"),
    ("a.mpg", "mpeg2video"),
    ("a.h264", "libx264"),
    ("a.mp4", "libx264"),
    ("a.mkv", "libx264"),
    ("a.webm", "libvpx"),
    ("a.webm", "libvpx-vp9"),
    ("a.avi", "mjpeg"),
    ("a.mov", "mjpeg"),
    ("a.flv", "libx264"),
]


@pytest.mark.parametrize("sizes", [[LARGE, SMALL], [SMALL, LARGE], [SMALL, LARGE, SMALL]])
@pytest.mark.parametrize(("name", "codec"), CASES)
def test_all_frames_have_the_largest_size(
    name: str, codec: str, sizes: list[tuple[int, int]], tmp_path: Path
) -> None:
    path = tmp_path / name
    write(path, sizes, codec)
    footage = probe(path)
    assert (footage.width, footage.height) == LARGE
    images = images_of(path)
    assert [number_of(image) for image in images] == list(range(HALF * len(sizes)))
    for number in (0, HALF - 1, HALF, len(images) - 1):
        assert images[number].shape == (LARGE[1], LARGE[0], 3)
        assert corners_of(images[number]) == UPRIGHT
    (planes,) = {frame.planes().wh for frame in decode_frames(footage)}
    assert planes == LARGE
    for index in (2, HALF + 3, HALF + 13, len(images) - 1):
        (picked,) = pick_frames(footage, np.array([index]))
        assert (picked.image == images[index]).all(), index


@pytest.mark.parametrize("middle", [SMALL, LARGE])
def test_headers_beside_packets(middle: tuple[int, int], tmp_path: Path) -> None:
    """Streams that a server restarted: frames in any part are found without those before."""
    files = [tmp_path / f"{number}.flv" for number in range(3)]
    for number, wh in enumerate((LARGE, middle, LARGE)):
        options = X264 | {"crf": str(10 + 15 * number), "x264-params": f"ref={1 + number}"}
        write_changing(files[number], [part(wh, HALF * number)], options=options)
    join_flv(tmp_path / "a.flv", files, HALF * 1000 // 25)
    footage = probe(tmp_path / "a.flv")
    assert (footage.width, footage.height) == LARGE
    images = images_of(tmp_path / "a.flv")
    assert [number_of(image) for image in images] == list(range(3 * HALF))
    for index in (2, HALF + 13, 3 * HALF - 1):
        (picked,) = pick_frames(footage, np.array([index]))
        assert (picked.image == images[index]).all(), index


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.avi", "mjpeg")])
def test_another_aspect_gets_bars(name: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, [LARGE, TALL], codec)
    tall = images_of(path)[-1]
    assert tall.shape == (LARGE[1], LARGE[0], 3)
    width = round(192 * 96 / 160 / 2) * 2
    left = (LARGE[0] - width) // 2
    assert tall[:, : left - 2].max() < 20
    assert tall[:, left + width + 2 :].max() < 20
    shown = np.ascontiguousarray(tall[:, left : left + width])
    assert corners_of(shown) == UPRIGHT


def test_orientation_may_change_within_a_video(tmp_path: Path) -> None:
    """Orientations of a camera that was turned while it recorded."""
    parts = [tmp_path / "1.mjpeg", tmp_path / "2.mjpeg"]
    image = part(SMALL, 0)[5]
    exif_clip(parts[0], image, 1)
    exif_clip(parts[1], np.ascontiguousarray(np.rot90(image)), 6)
    join(tmp_path / "a.mjpeg", parts)
    footage = probe(tmp_path / "a.mjpeg")
    images = images_of(tmp_path / "a.mjpeg")
    assert (footage.width, footage.height) == SMALL
    assert len(images) == 20
    assert {tuple(corners_of(image)) for image in images} == {tuple(UPRIGHT)}


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.webm", "libvpx"), CASES[8]])
def test_every_command_uses_boxes_of_one_size(
    name: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"clip{Path(name).suffix}"
    write(path, [LARGE, LARGE], codec)
    found = clustered(path, monkeypatch.setattr)
    assert found.people == 4
    mixed = tmp_path / f"mixed{Path(name).suffix}"
    write(mixed, [LARGE, SMALL], codec)
    summary, images = cropped(mixed, tmp_path / "crops")
    assert summary.frames == len(images) == 2 * HALF
    assert "the frame size changes; all frames are shown at 320 x 192 px" in summary.damage
    change = np.abs(images[HALF].astype(int) - images[HALF - 1]).mean()
    assert change < 30  # the picture goes on, larger or smaller as before
