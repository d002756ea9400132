"""All stages work on frames as they are displayed, and the result is that of the plain clip."""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data.project.project import Project
from data.tables.people import open_people
from data.video.footage import probe
from data.video.reader import read_frames
from tests.clips.numbered import CORNER_PX, HEIGHT, WIDTH, picture, pictures
from tests.clips.stored import (
    exif_clip,
    frame_of,
    hdr_frame,
    interleaved,
    squeezed,
    write_changing,
    write_frames,
)
from tests.footage_kinds.stubs import Command

FRAMES = 20
RUN = ("--no-review", "--weights", "yolo11n.yaml", "--project", "clip.fancam")
COLOURED = ((0, 0), (WIDTH - CORNER_PX, 0), (0, HEIGHT - CORNER_PX))
"""Left top corner of the boxes of red, green and blue, which the stub of a tracker detects."""
SHARP = {"crf": "8", "bf": "0", "g": "10"}


def anamorphic(path: Path) -> None:
    images = [squeezed(image, (120, HEIGHT)) for image in pictures(FRAMES)]
    write_frames(path, map(frame_of, images), aspect=Fraction(4, 3), options=SHARP)


def interlaced(path: Path) -> None:
    frames = interleaved(pictures(2 * FRAMES), top_first=True)
    stored = [frame_of(image, field_mode="tff") for image in frames]
    write_frames(path, stored, options=SHARP | {"x264-params": "tff=1"})


def high_dynamic_range(path: Path) -> None:
    write_frames(path, map(hdr_frame, pictures(FRAMES)), options=SHARP)


def small_then_large(path: Path) -> None:
    small = pictures(FRAMES, width=80, height=48)[: FRAMES // 2]
    write_changing(path, [small, pictures(FRAMES)[FRAMES // 2 :]], options=SHARP)


def exif(path: Path) -> None:
    exif_clip(path, np.ascontiguousarray(np.rot90(picture(5))), 6, frames=FRAMES)


def plain(path: Path) -> None:
    write_frames(path, map(frame_of, pictures(FRAMES)), options=SHARP)


CASES: list[tuple[str, Callable[[Path], None], str]] = [
    ("clip.mp4", plain, ""),
    ("clip.mp4", anamorphic, "scaled to square pixels, 160 x 96 px"),
    ("clip.mkv", interlaced, "deinterlaced"),
    ("clip.mkv", high_dynamic_range, "HDR converted to SDR"),
    ("clip.mp4", small_then_large, "the frame size changes; all frames are shown at 160 x 96 px"),
    ("clip.avi", exif, ""),
]


@pytest.mark.parametrize(("name", "write", "line"), CASES, ids=[case[1].__name__ for case in CASES])
def test_every_command(
    name: str, write: Callable[[Path], None], line: str, command: Command, tmp_path: Path
) -> None:
    write(tmp_path / name)
    done = command("fancam", name, *RUN)
    assert done.code == 0
    assert not line or any(line in shown for shown in [*done.out, *done.err])
    project = Project(tmp_path / "clip.fancam")
    entry = project.footages["clip"]
    assert (entry.width, entry.height) == (WIDTH, HEIGHT)
    with open_people(project.people_file) as people:
        assert len(people.names()) == 4
    assert _last_boxes(project) >= set(COLOURED)
    for video in project.crops_folder("clip").glob("*.mp4"):
        assert _crop_shows_one_colour(video), video
    for again in ("track-people", "crop-people", "smile-gifs"):
        assert command(again, "clip.fancam").code == 0


def _last_boxes(project: Project) -> set[tuple[int, int]]:
    """Return the corners of the last frame's boxes, to 6 px."""
    with project.tracks_file("clip").open() as file:
        rows = list(csv.DictReader(file))
    last = max(int(row["frame"]) for row in rows)
    found = [(float(r["x"]), float(r["y"])) for r in rows if int(r["frame"]) == last]
    return {
        place
        for place in COLOURED
        for x, y in found
        if max(abs(x - place[0]), abs(y - place[1])) <= 6
    }


def _crop_shows_one_colour(video: Path) -> bool:
    """Return whether a crop is SDR of BT.709 or BT.601 and not dull."""
    assert not probe(video).form.hdr
    images = [frame.image for frame in read_frames(video)]
    return bool(np.ptp(images[-1].astype(int), axis=2).max() > 100 or images[-1].max() > 200)
