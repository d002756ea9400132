"""Pictures with a colour profile, or colours declared by code points."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from data.video.pictures.images import read_picture
from tests.clips.deep_pictures import (
    ADOBE_RGB,
    DISPLAY_P3,
    HEIGHT,
    SRGB,
    WIDTH,
    in_space,
    profile,
)
from tests.footage_kinds.pictures.test_pictures import EXPECTED, save_phone

# --- colour profiles --------------------------------------------------------------------------

SPACES = {
    "Display P3": profile(DISPLAY_P3),
    "Adobe RGB": profile(ADOBE_RGB, gamma=2.2),
    "sRGB colours, gamma 1.8": profile(SRGB, gamma=1.8),
}
SOFT = np.dstack([EXPECTED, EXPECTED[:, ::-1], EXPECTED * 0 + 128]).astype(np.uint8) // 2 + 64


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_colours_of_a_profile_become_srgb(space: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"photo{suffix}"
    stored = in_space(SOFT, SPACES[space])
    Pillow.fromarray(stored).save(file, icc_profile=SPACES[space], lossless=True)

    image = read_picture(file).astype(int)

    assert np.abs(stored.astype(int) - SOFT).max() > 8
    assert np.abs(image - SOFT).max() <= 2


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("icc", [None, profile(SRGB), b"no profile"])
def test_pictures_without_another_profile_keep_their_samples(
    suffix: str, icc: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / f"photo{suffix}"
    Pillow.fromarray(SOFT).save(file, icc_profile=icc)

    with Pillow.open(file) as stored:
        expected = np.asarray(stored.convert("RGB"))

    assert np.array_equal(read_picture(file), expected)


def test_a_grey_picture_with_a_profile_of_colours(tmp_path: Path) -> None:
    file = tmp_path / "grey.jpg"
    Pillow.fromarray(SOFT).convert("L").save(file, icc_profile=SPACES["Display P3"])

    with Pillow.open(file) as stored:
        assert np.array_equal(read_picture(file)[..., 0], np.asarray(stored))


@pytest.mark.parametrize("name", ["wide.heic", "wide.avif"])
def test_pictures_of_phones_in_display_p3(name: str, tmp_path: Path) -> None:
    icc = profile(DISPLAY_P3)
    save_phone(tmp_path / name, in_space(SOFT, icc), icc_profile=icc)

    error = np.abs(read_picture(tmp_path / name).astype(int) - SOFT)

    assert error.mean() < 3


# --- colours by code points -------------------------------------------------------------------

GREY_NITS = (203.0, 50.0, 10.0, 1.0)
"""Diffuse white of HDR and darker greys."""


def pq_code(nits: float) -> float:
    """Return the code of PQ in 0 to 1, SMPTE ST 2084."""
    power = (nits / 10_000) ** (1305 / 8192)
    return float(((107 / 128 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))


def save_coded(path: Path, image: NDArray[np.uint8], primaries: int, transfer: int) -> None:
    """Write a picture whose colours are declared by code points of H.273."""
    if path.suffix == ".png":
        Pillow.fromarray(image).save(path)
        content, chunk = path.read_bytes(), b"cICP" + bytes([primaries, transfer, 0, 1])
        added = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(content[:33] + added + content[33:])
        return
    from pillow_heif import from_pillow

    from_pillow(Pillow.fromarray(image)).save(
        path,
        quality=100,
        chroma=444,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=6,
        full_range_flag=1,
    )


@pytest.mark.parametrize("name", ["hdr.heic", "hdr.png", "hdr.hif"])
def test_hdr_pictures_are_as_bright_as_sdr_ones(name: str, tmp_path: Path) -> None:
    columns = np.repeat([pq_code(nits) for nits in GREY_NITS], WIDTH // 4)
    image = np.rint(np.tile(columns[:, None], (HEIGHT, 1, 3)) * 255).astype(np.uint8)
    save_coded(tmp_path / name, image, 9, 16)

    shown = read_picture(tmp_path / name)[HEIGHT // 2, WIDTH // 8 :: WIDTH // 4].mean(axis=1)

    expected = [255 * (nits / 203) ** (1 / 2.4) for nits in GREY_NITS]
    assert shown[0] == pytest.approx(0.86 * 255, abs=8)  # highlights share the rest
    assert shown[1:] == pytest.approx(expected[1:], abs=8)


@pytest.mark.parametrize("name", ["wide.heic", "wide.png", "wide.hif"])
@pytest.mark.parametrize("transfer", [13, 1])
def test_wide_gamuts_declared_by_code_points_become_srgb(
    name: str, transfer: int, tmp_path: Path
) -> None:
    stored = in_space(SOFT, profile(DISPLAY_P3))
    save_coded(tmp_path / name, stored, 12, transfer)

    error = np.abs(read_picture(tmp_path / name).astype(int) - SOFT)

    assert error.mean() < 1.5
    assert np.abs(stored.astype(int) - SOFT).mean() > 4


@pytest.mark.parametrize("codes", [(1, 13), (2, 2), (6, 6), (1, 1)])
def test_srgb_declared_by_code_points_keeps_its_samples(
    codes: tuple[int, int], tmp_path: Path
) -> None:
    save_coded(tmp_path / "plain.png", SOFT, *codes)

    assert np.array_equal(read_picture(tmp_path / "plain.png"), SOFT)
