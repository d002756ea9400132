"""EXIF orientation inside a video, and side data that the reader's library does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.arrays import Image
from data.video.footage import probe
from tests.clips.numbered import corners_of, picture
from tests.clips.stored import exif_clip
from tests.clips.videos import display_matrix
from tests.footage_kinds.commands import clustered, cropped, images_of

UPRIGHT = ["red", "green", "blue", "white"]
_STORED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, 3),
}


def stored(orientation: int) -> Image:
    """Return a picture as a camera stores it, so that the EXIF orientation makes it upright."""
    return np.ascontiguousarray(_STORED[orientation](picture(5)))


@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_inside_a_video_is_obeyed(
    orientation: int, suffix: str, tmp_path: Path
) -> None:
    clip = tmp_path / f"clip{suffix}"
    exif_clip(clip, stored(orientation), orientation)
    footage = probe(clip)
    assert (footage.width, footage.height) == (160, 96)
    images = images_of(clip)
    assert len(images) == 10
    assert corners_of(images[0]) == corners_of(images[-1]) == UPRIGHT


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".mp4"])
def test_the_matrix_of_the_container_goes_first(suffix: str, tmp_path: Path) -> None:
    clip = tmp_path / f"clip{suffix}"
    exif_clip(clip, stored(8), 6, matrix=display_matrix(0, -1, 1, 0))
    assert corners_of(images_of(clip)[0]) == UPRIGHT


@pytest.mark.parametrize(("suffix", "orientation"), [(".avi", 6), (".mov", 7), (".mkv", 3)])
def test_every_command_reads_it(
    suffix: str, orientation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / f"clip{suffix}"
    exif_clip(clip, stored(orientation), orientation)
    found = clustered(clip, monkeypatch.setattr)
    assert found.people == 4
    summary, images = cropped(clip, tmp_path / "crops")
    assert summary.people[0].frames == 10
    assert len(images) == 10
