"""Pixels that are not square are displayed square, in every stage."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from data.core.errors import InputError
from data.execution.context import RunContext
from data.project.stages import TRACKS
from data.video.footage import add_footage, probe
from data.video.reader import decode_frames
from tests.bars import no_bar
from tests.clips.numbered import CORNER_PX, corners_of, number_of, picture
from tests.clips.stored import frame_of, join, squeezed, write_frames
from tests.clips.videos import display_matrix
from tests.cropping.small_project import small_project
from tests.footage_kinds.commands import clustered, cropped, images_of

UPRIGHT = ["red", "green", "blue", "white"]
FRAMES = 20
FOUR_THIRDS = Fraction(4, 3)


def write(
    path: Path, stored_wh: tuple[int, int], aspect: Fraction, *, width: int = 160, **how: object
) -> None:
    """Write numbered frames of 96 lines, squeezed to the stored size."""
    images = [squeezed(picture(number, width=width), stored_wh) for number in range(FRAMES)]
    options = {"qscale": "2"} if how.get("codec") in ("mpeg2video", "mpeg4") else {"crf": "10"}
    frames = [frame_of(image) for image in images]
    write_frames(path, frames, aspect=aspect, options=options, **how)  # type: ignore[arg-type]


def assert_square(path: Path, wh: tuple[int, int] = (160, 96), frames: int = FRAMES) -> None:
    """Assert the size, the order of frames, and square corners of square size."""
    footage = probe(path)
    assert (footage.width, footage.height) == wh
    images = images_of(path)
    assert [number_of(image) for image in images] == [n % FRAMES for n in range(frames)]
    for image in (images[0], images[-1]):
        assert image.shape == (wh[1], wh[0], 3)
        assert corners_of(image) == UPRIGHT
        assert abs(_red_width(image) - CORNER_PX) <= 2
    planes = next(decode_frames(footage)).planes()
    assert planes.wh == wh


def _red_width(image: np.ndarray) -> int:
    row = image[8].astype(int)
    return int((row[:60, 0] - row[:60, 1] > 60).sum())


@pytest.mark.parametrize(
    ("name", "codec", "stored_wh", "aspect"),
    [
        ("a.mp4", "libx264", (120, 96), FOUR_THIRDS),
        ("a.mov", "prores_ks", (120, 96), FOUR_THIRDS),
        ("a.mkv", "libx264", (120, 96), FOUR_THIRDS),
        ("a.ts", "libx264", (80, 96), Fraction(2)),
        ("a.avi", "mpeg4", (120, 96), FOUR_THIRDS),
        ("a.h264", "libx264", (110, 96), Fraction(16, 11)),
        ("higher.mp4", "libx264", (160, 72), Fraction(3, 4)),
        ("higher.mkv", "libx265", (160, 48), Fraction(1, 2)),
    ],
)
def test_pixels_become_square(
    name: str, codec: str, stored_wh: tuple[int, int], aspect: Fraction, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_images = {"prores_ks": "yuv422p10le"}.get(codec)
    if write_images:
        images = [squeezed(picture(number), stored_wh) for number in range(FRAMES)]
        frames = [frame_of(image, write_images) for image in images]
        write_frames(path, frames, codec=codec, aspect=aspect)
    else:
        write(path, stored_wh, aspect, codec=codec)
    assert_square(path)


@pytest.mark.parametrize(
    "aspect", [Fraction(10_000), Fraction(1, 10_000), Fraction(1), Fraction(1001, 1000)]
)
def test_absurd_and_square_aspects_change_nothing(aspect: Fraction, tmp_path: Path) -> None:
    square, tagged = tmp_path / "square.mkv", tmp_path / "tagged.mkv"
    write(square, (160, 96), Fraction(1))
    write(tagged, (160, 96), aspect)
    assert_square(tagged)
    for expected, found in zip(images_of(square), images_of(tagged), strict=True):
        assert (expected == found).all()


def test_a_rotated_film_is_widened_before_it_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    turned = [np.rot90(picture(number), 1) for number in range(FRAMES)]
    images = [squeezed(np.ascontiguousarray(image), (72, 160)) for image in turned]
    matrix = display_matrix(0, 1, -1, 0)
    frames = [frame_of(image) for image in images]
    write_frames(path, frames, aspect=FOUR_THIRDS, matrix=matrix, options={"crf": "10"})
    assert_square(path)


@pytest.mark.parametrize("name", ["a.ts", "a.mpg", "a.m2v"])
def test_dvd_and_television(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, (96, 96), FOUR_THIRDS, width=128, codec="mpeg2video")
    assert_square(path, (128, 96))


@pytest.mark.parametrize("aspects", [(FOUR_THIRDS, Fraction(1)), (Fraction(1), FOUR_THIRDS)])
def test_the_aspect_may_change_within_a_recording(
    aspects: tuple[Fraction, Fraction], tmp_path: Path
) -> None:
    parts = [tmp_path / "1.ts", tmp_path / "2.ts"]
    for part, aspect in zip(parts, aspects, strict=True):
        width = 128 if aspect == FOUR_THIRDS else 96
        write(part, (96, 96), aspect, width=width, codec="mpeg2video")
    join(tmp_path / "joined.ts", parts)
    footage = probe(tmp_path / "joined.ts")
    assert (footage.width, footage.height) == (128, 96)
    images = images_of(tmp_path / "joined.ts")
    assert len(images) == 2 * FRAMES
    wide, narrow = (images[0], images[-1]) if aspects[0] == FOUR_THIRDS else (images[-1], images[0])
    assert wide.shape == narrow.shape == (96, 128, 3)
    assert corners_of(wide) == UPRIGHT
    assert narrow[:, :15].max() < 20  # 96 px wide, with bars of 16 px
    assert corners_of(np.ascontiguousarray(narrow[:, 16:-16])) == UPRIGHT


def test_every_command_sees_square_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.mp4"
    write(path, (120, 96), FOUR_THIRDS)
    found = clustered(path, monkeypatch.setattr)
    assert found.people == 4
    assert found.faces.xyxy[:, 2].max() == 160
    summary, images = cropped(path, tmp_path / "crops")
    assert summary.damage == "scaled to square pixels, 160 x 96 px"
    assert len(images) == FRAMES


def test_a_project_of_stored_pixels_is_stale(tmp_path: Path) -> None:
    """Boxes of an earlier version, in stored pixels, are not used with displayed frames."""
    path = tmp_path / "clip.mp4"
    write(path, (120, 96), FOUR_THIRDS)
    project = small_project(tmp_path / "clip.fancam", path)
    entry = project.footages["clip"]
    project.footages["clip"] = replace(entry, width=120)
    project.save()
    size = r"\(its frames are displayed at 160 x 96 px, not 120 x 96\)"
    line = f"it has changed since it was tracked {size}; to track it again: cluster-faces"
    with pytest.raises(InputError, match=line):
        crop_people(project, [], CropSettings(), context=RunContext(no_bar))
    line = (
        f"it has changed since cluster-faces analysed it {size}; to analyse it again: cluster-faces"
    )
    with pytest.raises(InputError, match=line):
        add_footage(project, probe(path))
    add_footage(project, probe(path), force=True)
    assert not project.has_record(TRACKS, "clip")
