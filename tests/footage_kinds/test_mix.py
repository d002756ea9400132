"""A folder of good and bad files: everything good is done, each bad one is named once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.project.project import Project
from data.project.stages import CROPS, FACES, GIFS, TRACKS, Stage
from tests.clips import damaged
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.clustering.command import Ran
from tests.footage_kinds.stubs import Command

FRAMES = 20
RUN = ("--no-review", "--weights", "yolo11n.yaml", "--project", "mix.fancam")
GOOD = ("a.mp4", "b.mkv", "c.ts", "d.avi", "e.mov")
BAD: dict[str, Callable[[Path], None]] = {
    "cut.mp4": damaged.truncated("mp4"),
    "empty.mp4": damaged.zero_bytes,
    "noise.mp4": damaged.nothing_decodes,
    "sound.mp4": damaged.sound_only,
    "text.mp4": damaged.text,
    "vast.avi": damaged.absurd_size_in_avi,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the five good files and the six bad ones."""
    folder = tmp_path_factory.mktemp("files") / "mix"
    folder.mkdir()
    for name in GOOD:
        encode(folder / name, pictures(FRAMES))
    for name, write in BAD.items():
        whole = folder.parent / name
        write(whole)
        whole.rename(folder / name)
    return folder


@pytest.fixture
def mix(files: Path, tmp_path: Path) -> Path:
    """Return a link to the folder of files."""
    (tmp_path / "mix").symlink_to(files)
    return tmp_path / "mix"


def assert_named_once(done: Ran, *names: str) -> None:
    assert done.code == 1, done
    for name in names:
        assert len([line for line in done.err if name in line]) == 1, (name, done.err)
    assert len(done.err) == len(names), done.err
    assert not [line for line in done.err if "Traceback" in line]


def finished(stage: Stage[Any]) -> list[str]:
    return sorted(entry.path.name for entry in Project(Path("mix.fancam")).footages_with(stage))


STAGES = (FACES, TRACKS, CROPS, GIFS)


def test_all_stages(command: Command, mix: Path) -> None:
    done = command("fancam", mix, *RUN)
    assert_named_once(done, *BAD)
    assert [finished(stage) for stage in STAGES] == [list(GOOD)] * len(STAGES)
    assert done.out[-1].startswith("next: ")
    again = command("fancam", mix, *RUN)
    assert_named_once(again, *BAD)


def test_each_stage(command: Command, mix: Path) -> None:
    assert_named_once(command("cluster-faces", mix), *BAD)
    assert finished(FACES) == list(GOOD)
    assert command("cluster-faces", "--project", "mix.fancam").code == 0
    (Path("mix.fancam") / "tracker").mkdir()
    for name, stage in (("track-people", TRACKS), ("crop-people", CROPS), ("smile-gifs", GIFS)):
        assert_named_once(command(name, "mix.fancam", mix), *BAD)
        assert finished(stage) == list(GOOD)
        assert command(name, "mix.fancam").code == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_what_is_no_file(command: Command, tmp_path: Path) -> None:
    """A pipe without a writer does not block the run, and an empty folder is no video."""
    encode(tmp_path / "good.mp4", pictures(FRAMES))
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    done = command(
        "cluster-faces", "good.mp4", "pipe.mp4", "folder.mp4", "gone.mp4", "--project", "mix.fancam"
    )
    assert_named_once(done, "pipe.mp4", "folder.mp4", "gone.mp4")
    assert finished(FACES) == ["good.mp4"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_folder_with_what_is_no_file(command: Command, tmp_path: Path) -> None:
    """A pipe in a folder does not block the run either."""
    folder = tmp_path / "films"
    (folder / "folder.mp4").mkdir(parents=True)
    os.mkfifo(folder / "pipe.mp4")
    encode(folder / "good.mp4", pictures(FRAMES))
    assert command("cluster-faces", folder, "--project", "mix.fancam").code in (0, 1)
    assert finished(FACES) == ["good.mp4"]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root reads every file")
def test_without_permission(command: Command, tmp_path: Path) -> None:
    for name in ("good.mp4", "secret.mp4"):
        encode(tmp_path / name, pictures(FRAMES))
    (tmp_path / "secret.mp4").chmod(0)
    done = command("fancam", "good.mp4", "secret.mp4", *RUN)
    assert_named_once(done, "secret.mp4")
    assert finished(CROPS) == ["good.mp4"]


def test_one_pixel(command: Command, tmp_path: Path) -> None:
    """The smallest picture is read; no person is in it."""
    encode(tmp_path / "good.mp4", pictures(FRAMES))
    for name, (width, height) in {"dot.mkv": (1, 1), "line.mkv": (64, 1)}.items():
        images = [image[:height, :width] for image in pictures(3)]
        encode(tmp_path / name, images, codec="ffv1", pix_fmt="bgr0")
    done = command("fancam", "good.mp4", "dot.mkv", "line.mkv", *RUN)
    assert (done.code, done.err) == (0, []), done
    assert "good.mp4" in finished(CROPS)
