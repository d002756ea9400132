"""Pictures of every depth, colour model, profile, transparency and file format."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from data.core.errors import InputError
from data.video.footage import probe
from data.video.pictures.images import picture_wh, read_picture
from data.video.reader import read_frames
from tests.clips.deep_pictures import (
    HEIGHT,
    RAMP,
    WIDTH,
    ramp_of,
    write_samples,
)
from tests.clips.numbered import corners_of, number_of, picture

EXPECTED = np.rint(RAMP * 255)
UPRIGHT = ["red", "green", "blue", "white"]


def coloured(levels: int, kind: type[np.generic] = np.uint16) -> NDArray[np.generic]:
    """Return the ramp in red, reversed in green, and its middle in blue."""
    ramp = ramp_of(levels, kind)
    return np.dstack([ramp, ramp[:, ::-1], np.full_like(ramp, ramp[0, WIDTH // 2])])


# --- depth ------------------------------------------------------------------------------------

GREY = {
    "16 bit.png": ramp_of(65535),
    "16 bit.tif": ramp_of(65535),
    "12 of 16 bit.png": ramp_of(4095),
    "12 of 16 bit.tif": ramp_of(4000),
    "10 of 16 bit.png": ramp_of(1023),
    "14 of 16 bit.tif": ramp_of(16383),
    "8 of 16 bit.png": ramp_of(255),
    "32 bit to 1.tif": ramp_of(1, np.float32) * 0 + RAMP.astype(np.float32),
    "32 bit to 255.tif": (RAMP * 255).astype(np.float32),
    "32 bit to 65535.tif": (RAMP * 65535).astype(np.float32),
    "64 bit to 1.tif": RAMP,
}
COLOUR = {
    "16 bit.png": coloured(65535),
    "16 bit.tif": coloured(65535),
    "12 of 16 bit.png": coloured(4095),
    "12 of 16 bit.tif": coloured(4095),
    "16 bit.jp2": coloured(65535),
    "12 of 16 bit.jp2": coloured(4095),
    "32 bit.tif": np.dstack([RAMP, RAMP[:, ::-1], RAMP * 0 + RAMP[0, WIDTH // 2]]).astype("f4"),
}


@pytest.mark.parametrize("name", GREY)
def test_deep_grey_pictures_are_scaled_by_their_range(name: str, tmp_path: Path) -> None:
    write_samples(tmp_path / name, GREY[name])

    image = read_picture(tmp_path / name)

    tolerance = 6 if "12 of 16 bit.tif" in name else 1  # its largest sample is 4000 of 4095
    assert np.abs(image - EXPECTED[..., None]).max() <= tolerance
    assert picture_wh(tmp_path / name) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("name", COLOUR)
def test_deep_coloured_pictures_are_scaled_by_their_range(name: str, tmp_path: Path) -> None:
    write_samples(tmp_path / name, COLOUR[name])

    image = read_picture(tmp_path / name).astype(int)

    assert np.abs(image[..., 0] - EXPECTED).max() <= 1
    assert np.abs(image[..., 1] - EXPECTED[:, ::-1]).max() <= 1
    assert np.abs(image[..., 2] - EXPECTED[0, WIDTH // 2]).max() <= 1
    assert picture_wh(tmp_path / name) == (WIDTH, HEIGHT)


def test_floating_point_samples_without_a_number_are_black(tmp_path: Path) -> None:
    samples = RAMP.astype(np.float32)
    samples[:10] = np.nan
    write_samples(tmp_path / "gaps.tif", samples)

    image = read_picture(tmp_path / "gaps.tif")

    assert image[:10].max() == 0
    assert np.abs(image[10:, :, 0] - EXPECTED[10:]).max() <= 1


def test_floating_point_samples_below_zero_are_scaled_from_the_smallest(tmp_path: Path) -> None:
    write_samples(tmp_path / "signed.tif", (RAMP * 4 - 2).astype(np.float32))

    image = read_picture(tmp_path / "signed.tif")

    assert np.abs(image - EXPECTED[..., None]).max() <= 1


@pytest.mark.parametrize("mode", ["I;16", "I"])
@pytest.mark.parametrize("compression", [None, "tiff_deflate", "tiff_lzw"])
def test_compressed_grey_tiff(mode: str, compression: str | None, tmp_path: Path) -> None:
    samples = ramp_of(65535, np.uint16 if mode == "I;16" else np.int32)
    Pillow.fromarray(samples).save(tmp_path / "grey.tif", compression=compression)

    image = read_picture(tmp_path / "grey.tif")

    assert np.abs(image - EXPECTED[..., None]).max() <= 1


def test_a_deep_picture_is_turned_upright(tmp_path: Path) -> None:
    tags = Pillow.Exif()
    tags[0x0112] = 6
    stored = np.rot90(picture(5)[..., 0].astype(np.uint16) * 257)
    Pillow.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "turned.png", exif=tags)

    image = read_picture(tmp_path / "turned.png")

    assert np.array_equal(image[..., 0], picture(5)[..., 0])


# --- colour models and transparency -----------------------------------------------------------


def _palette(path: Path) -> None:
    Pillow.fromarray(picture(9)).quantize(16).save(path)


def _palette_see_through(path: Path) -> None:
    image = Pillow.new("P", (WIDTH, HEIGHT), 1)
    image.putpalette([0, 0, 0, 200, 30, 40])
    image.paste(0, (0, 0, WIDTH // 2, HEIGHT))
    image.save(path, transparency=0)


def faded(mode: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        """Write (200, 30, 40), or grey 60, on the right of a see-through left half."""
        colour = (200, 30, 40) if mode == "RGBA" else (60,)
        image = Pillow.new(mode, (WIDTH, HEIGHT), (*colour, 255))
        image.paste((*(0,) * len(colour), 0), (0, 0, WIDTH // 2, HEIGHT))
        image.save(path)

    return write


def _one_bit(path: Path) -> None:
    Pillow.fromarray(np.indices((HEIGHT, WIDTH))[1] >= WIDTH // 2).save(path)


def _cmyk(path: Path) -> None:
    image = Pillow.new("CMYK", (WIDTH, HEIGHT), (0, 0, 0, 0))
    image.paste((0, 255, 255, 0), (WIDTH // 2, 0, WIDTH, HEIGHT))
    image.save(path, quality=95)


def _one_colour_see_through(path: Path) -> None:
    image = Pillow.new("RGB", (WIDTH, HEIGHT), (200, 30, 40))
    image.paste((1, 2, 3), (0, 0, WIDTH // 2, HEIGHT))
    image.save(path, transparency=(1, 2, 3))


def _half_see_through(path: Path) -> None:
    image = Pillow.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 128))
    image.paste((200, 30, 40, 255), (WIDTH // 2, 0, WIDTH, HEIGHT))
    image.save(path)


RED, WHITE = (200, 30, 40), (255, 255, 255)
MODELS = [
    pytest.param("palette.png", _palette_see_through, WHITE, RED, id="palette see-through"),
    pytest.param("palette.gif", _palette_see_through, WHITE, RED, id="GIF see-through"),
    pytest.param("rgba.png", faded("RGBA"), WHITE, RED, id="RGBA"),
    pytest.param("rgba.tif", faded("RGBA"), WHITE, RED, id="RGBA TIFF"),
    pytest.param("rgba.webp", faded("RGBA"), WHITE, RED, id="RGBA WebP"),
    pytest.param("la.png", faded("LA"), WHITE, (60, 60, 60), id="LA"),
    pytest.param("key.png", _one_colour_see_through, WHITE, RED, id="one colour see-through"),
    pytest.param("half.png", _half_see_through, (127, 127, 127), RED, id="half see-through"),
    pytest.param("bits.png", _one_bit, (0, 0, 0), WHITE, id="1 bit"),
    pytest.param("bits.tif", _one_bit, (0, 0, 0), WHITE, id="1 bit TIFF"),
    pytest.param("cmyk.jpg", _cmyk, WHITE, (255, 0, 0), id="CMYK JPEG"),
    pytest.param("cmyk.tif", _cmyk, WHITE, (255, 0, 0), id="CMYK TIFF"),
]


@pytest.mark.parametrize(("name", "write", "left", "right"), MODELS)
def test_colour_models_and_transparency_over_white(
    name: str,
    write: Callable[[Path], None],
    left: tuple[int, ...],
    right: tuple[int, ...],
    tmp_path: Path,
) -> None:
    write(tmp_path / name)

    image = read_picture(tmp_path / name).astype(int)

    tolerance = 8 if name.endswith((".webp", ".jpg")) else 2
    assert np.abs(image[HEIGHT // 2, WIDTH // 4] - left).max() <= tolerance
    assert np.abs(image[HEIGHT // 2, -WIDTH // 4] - right).max() <= tolerance


def test_deep_transparency_is_over_white(tmp_path: Path) -> None:
    alpha = np.where(np.arange(WIDTH) < WIDTH // 2, 0, 65535).astype(np.uint16)
    samples = np.dstack([coloured(65535), np.tile(alpha, (HEIGHT, 1))])
    write_samples(tmp_path / "deep.png", samples)

    image = read_picture(tmp_path / "deep.png").astype(int)

    assert image[:, : WIDTH // 2].min() == 255
    assert np.abs(image[:, WIDTH // 2 :, 0] - EXPECTED[:, WIDTH // 2 :]).max() <= 1


# --- HEIC and AVIF ----------------------------------------------------------------------------

PHONE = ["phone.heic", "phone.HEIC", "phone.heif", "phone.hif", "phone.avif", "phone.jpg"]


def save_phone(path: Path, image: NDArray[np.uint8] | None = None, **options: object) -> None:
    """Write a picture as phones do; HEIC also by the name .jpg, as some apps give it."""
    shown = Pillow.fromarray(picture(11) if image is None else image)
    if path.suffix == ".avif":
        shown.save(path, quality=95, **options)  # type: ignore[arg-type]
        return
    from pillow_heif import from_pillow

    from_pillow(shown).save(path, quality=95, **options)


@pytest.mark.parametrize("name", PHONE)
def test_pictures_of_phones(name: str, tmp_path: Path) -> None:
    save_phone(tmp_path / name)

    footage = probe(tmp_path / name)
    (frame,) = read_frames(footage)

    assert (footage.kind, footage.width, footage.height) == ("image", 160, 96)
    assert number_of(frame.image) == 11
    assert corners_of(frame.image) == UPRIGHT


@pytest.mark.parametrize("name", ["turned.heic", "turned.avif"])
def test_pictures_of_phones_are_upright(name: str, tmp_path: Path) -> None:
    tags = Pillow.Exif()
    tags[0x0112] = 6
    save_phone(tmp_path / name, np.rot90(picture(5)), exif=tags.tobytes())

    assert corners_of(read_picture(tmp_path / name)) == UPRIGHT
    assert picture_wh(tmp_path / name) == (160, 96)


@pytest.mark.parametrize("name", PHONE)
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_truncated_pictures_of_phones(name: str, share: float, tmp_path: Path) -> None:
    save_phone(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])

    with pytest.raises(InputError) as refused:
        read_picture(tmp_path / name)

    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*"])
def test_a_damaged_tiff_header(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(head + struct.pack("<I", 7) + b"\xff" * 60)

    with pytest.raises(InputError, match=r"broken\.tif"):
        read_picture(tmp_path / "broken.tif")


@pytest.mark.parametrize(
    "suffix", [".jpe", ".jfif", ".JPG", ".bmp", ".ppm", ".tga", ".jp2", ".mpo"]
)
def test_further_suffixes(suffix: str, tmp_path: Path) -> None:
    kind = {".jpe": "JPEG", ".jfif": "JPEG", ".jpg": "JPEG", ".mpo": "MPO"}.get(suffix.lower())
    Pillow.fromarray(picture(6)).save(tmp_path / f"IMG_1{suffix}", format=kind)

    (frame,) = read_frames(tmp_path / f"IMG_1{suffix}")

    assert (probe(tmp_path / f"IMG_1{suffix}").kind, number_of(frame.image)) == ("image", 6)
