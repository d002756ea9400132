from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cropping.smiles.gif import MIN_SIDE_PX, FormatName, encode_loop
from data.core.errors import InputError

PLENTY = 10_000_000


def frames(count: int = 5, side: int = 200) -> list[np.ndarray]:
    """Return frames of smooth colours with some noise, each with a different hue."""
    random = np.random.default_rng(0)
    x = np.linspace(0, 1, side)
    pictures = []
    for number in range(count):
        red, green = np.meshgrid(x * 255, x[::-1] * 255)
        picture = np.stack([red, green, np.full_like(red, 255 * number / count)], axis=2)
        pictures.append(np.clip(picture + random.normal(0, 4, picture.shape), 0, 255))
    return [picture.astype(np.uint8) for picture in pictures]


def shown(content: bytes) -> list[np.ndarray]:
    """Return the frames of a GIF or WebP."""
    with Image.open(io.BytesIO(content)) as picture:
        every = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            every.append(np.array(picture.convert("RGB")))
    return every


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_every_frame_is_shown_nearly_as_it_is(kind: FormatName) -> None:
    loop = encode_loop(frames(), [0.5] * 5, kind=kind, max_bytes=PLENTY)
    for before, after in zip(frames(), shown(loop.content), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 20
    assert loop.side_px == 200


def test_a_gif_loops_with_one_palette_and_its_pace() -> None:
    loop = encode_loop(frames(), [0.5, 0.5, 0.5, 0.5, 1.0], kind="gif", max_bytes=PLENTY)
    with Image.open(io.BytesIO(loop.content)) as picture:
        assert picture.info["loop"] == 0
        durations = []
        for number in range(5):
            picture.seek(number)
            durations.append(picture.info["duration"])
    assert durations == [500, 500, 500, 500, 1000]
    assert local_palettes(loop.content) == 0


def local_palettes(content: bytes) -> int:
    """Count the frames of a GIF with a local colour table; source: the GIF89a specification."""
    flags = content[10]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    found = 0
    while content[at] != 0x3B:
        if content[at] == 0x21:
            at += 2
        else:
            local = content[at + 9]
            found += local >> 7
            at += 10 + (3 << (local & 7) + 1 if local & 0x80 else 0) + 1
        while content[at]:
            at += content[at] + 1
        at += 1
    return found


def test_an_mp4_has_the_widely_supported_format(tmp_path: Path) -> None:
    loop = encode_loop(frames(), [0.5] * 5, kind="mp4", max_bytes=PLENTY)
    (tmp_path / "a.mp4").write_bytes(loop.content)
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert sum(1 for _ in film.decode(stream)) == 50
    assert loop.content.index(b"moov") < loop.content.index(b"mdat")


@pytest.mark.parametrize("kind", ["gif", "webp", "mp4"])
def test_size_is_lowered_until_it_fits(kind: FormatName) -> None:
    full = encode_loop(frames(), [0.5] * 5, kind=kind, max_bytes=PLENTY)
    limit = len(full.content) * 2 // 3
    less = encode_loop(frames(), [0.5] * 5, kind=kind, max_bytes=limit)
    assert len(less.content) <= limit
    assert MIN_SIDE_PX <= less.side_px < full.side_px


def test_colours_are_lowered_after_the_size() -> None:
    small = encode_loop(frames(side=MIN_SIDE_PX), [0.5] * 5, kind="gif", max_bytes=PLENTY)
    limit = len(small.content) * 3 // 4
    less = encode_loop(frames(), [0.5] * 5, kind="gif", max_bytes=limit)
    assert less.side_px == MIN_SIDE_PX
    assert len(less.content) <= limit
    with Image.open(io.BytesIO(less.content)) as picture:
        assert len(picture.getcolors(256) or []) <= 128


def test_a_limit_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(
        InputError, match="--max-bytes 500 is too small; give smile-gifs --max-bytes"
    ):
        encode_loop(frames(), [0.5] * 5, kind="gif", max_bytes=500)


def test_one_frame_is_a_picture() -> None:
    loop = encode_loop(frames(1), [0.5], kind="gif", max_bytes=PLENTY)
    assert len(shown(loop.content)) == 1


def test_same_frames_give_the_same_bytes() -> None:
    first, second = (
        encode_loop(frames(), [0.5] * 5, kind="gif", max_bytes=PLENTY) for _ in range(2)
    )
    assert first.content == second.content
