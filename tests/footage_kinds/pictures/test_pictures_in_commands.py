"""Pictures of every kind in commands, as labelled faces, and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from data.core.errors import InputError
from data.video.pictures.images import read_face
from data.video.reader import read_frames
from tests.clips.animations import write_animation
from tests.clips.deep_pictures import DISPLAY_P3, in_space, profile, ramp_of, write_samples
from tests.clips.numbered import picture
from tests.footage_kinds.fuzz.mutations import cut, flip, flip_ends, flip_many, set_field
from tests.footage_kinds.pictures.test_pictures import EXPECTED, faded, save_phone
from tests.footage_kinds.stubs import Command


@pytest.mark.parametrize("name", ["face.png", "face.tif", "face.heic", "face.avif"])
def test_labelled_faces_are_read_in_the_same_way(name: str, tmp_path: Path) -> None:
    if name.endswith((".png", ".tif")):
        write_samples(tmp_path / name, ramp_of(65535))
    else:
        save_phone(tmp_path / name, np.repeat(EXPECTED[..., None], 3, axis=2).astype(np.uint8))

    grey = read_face((tmp_path / name).read_bytes(), max_side_px=1000)

    assert np.abs(grey - EXPECTED).max() <= 6


def _deep(path: Path) -> None:
    write_samples(path, picture(3).astype(np.uint16) * 257)


def _wide_gamut(path: Path) -> None:
    icc = profile(DISPLAY_P3)
    Pillow.fromarray(in_space(picture(3), icc)).save(path, icc_profile=icc, quality=95)


def _two_pages(path: Path) -> None:
    pages = [Pillow.fromarray(picture(number)) for number in (3, 4)]
    if path.suffix == ".tif":
        pages[0].save(path, save_all=True, append_images=pages[1:])
        return
    from pillow_heif import from_pillow

    file = from_pillow(pages[0])
    file.add_from_pillow(pages[1])
    file.save(path, quality=95)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("phone.heic", save_phone),
        ("phone.avif", save_phone),
        ("deep.png", _deep),
        ("deep.tif", _deep),
        ("wide.jpg", _wide_gamut),
        ("pages.tif", _two_pages),
        ("pages.heic", _two_pages),
    ],
)
def test_cluster_faces_finds_the_people_of_a_picture(
    name: str, write: Callable[[Path], None], command: Command, tmp_path: Path
) -> None:
    write(tmp_path / name)

    done = command("cluster-faces", name, "--min-samples", "1")

    assert (done.code, done.err) == (0, []), done
    note = f"; only the first page of {name} was read" if "pages" in name else ""
    assert done.out[0].startswith(f"{Path(name).stem}: 1 picture, 4 faces of ")
    assert done.out[0].endswith(note)
    assert "4 people" in done.out


DAMAGED: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("a.heic", "a.avif"), save_phone),
    **dict.fromkeys(("deep.png", "deep.tif"), _deep),
    **dict.fromkeys(("pages.tif", "pages.heic"), _two_pages),
    **dict.fromkeys(("wide.jpg",), _wide_gamut),
    **dict.fromkeys(("rgba.png", "rgba.webp", "rgba.tif"), faded("RGBA")),
    **dict.fromkeys(("moving.gif", "moving.webp", "moving.apng", "moving.avif"), write_animation),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_pictures_are_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    DAMAGED[name](tmp_path / name)
    content, random = (tmp_path / name).read_bytes(), np.random.default_rng(len(name))
    broken = tmp_path / f"broken{Path(name).suffix}"
    for mutation in (flip, flip_many, flip_ends, set_field, cut) * 6:
        broken.write_bytes(mutation(content, content, random))
        try:
            frames = list(read_frames(broken))
        except InputError as refused:
            assert str(broken) in str(refused)  # noqa: PT017 - both results are right
            assert "\n" not in str(refused)  # noqa: PT017
        else:
            assert frames
