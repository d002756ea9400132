"""The command `cluster-faces`: its help, its options, and several footages in one project."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from clustering.cli import _pace
from data.project.project import Project
from data.storage.shown import command_line
from tests.clips.catalogue import Clips
from tests.clips.numbered import picture
from tests.clustering.command import (
    Ran,
    assert_refused,
    assert_same_result,
    listed,
    snapshot,
)
from tests.clustering.fakes import CornerDetector

Run = Callable[..., Ran]
HELP_S = 0.5
HEAVY = ("numpy", "cv2", "onnxruntime", "openvino", "av", "dlib", "pyarrow", "scipy", "tqdm")


# --- help -------------------------------------------------------------------------------------


def test_help_is_quick() -> None:
    command = [sys.executable, "-m", "clustering.cli", "--help"]
    took_s = []
    for _ in range(3):
        start = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        took_s.append(time.perf_counter() - start)
        assert "--every" in answer.stdout
    assert min(took_s) < HELP_S


@pytest.mark.parametrize(
    ("every_s", "expected"),
    [
        (0.2, "5 a second"),
        (1.0, "1 a second"),
        (0.4, "2.5 a second"),
        (187 / 600, "about 3.2 a second"),
        (0.001, "1000 a second"),
        (2.5, "one every 2.5 s"),
    ],
)
def test_intervals_as_a_person_says_them(every_s: float, expected: str) -> None:
    assert _pace(every_s) == expected


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, clustering.cli; print([m for m in {HEAVY} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


# --- options ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ["--every", "0"],
        ["--every", "-1"],
        ["--every", "nan"],
        ["--every", "inf"],
        ["--every", "1e9"],
        ["--every", "often"],
        ["--every"],
        ["--threads", "-1"],
        ["--threads", "100000"],
        ["--threads", "1.5"],
        ["--min-face", "0"],
        ["--min-face", "-80"],
        ["--min-face", "nan"],
        ["--min-face", "1e9"],
        ["--upsample", "-1"],
        ["--upsample", "20"],
        ["--upsample", "1", "--min-face", "80"],
        ["--eps", "0"],
        ["--eps", "-0.5"],
        ["--eps", "nan"],
        ["--eps", "7"],
        ["--min-samples", "0"],
        ["--min-samples", "-3"],
        ["--min-samples", "100000000"],
        ["--label-margin", "-0.1"],
        ["--label-margin", "nan"],
        ["--label-margin", "50"],
        ["--detector", "yolo"],
        ["--backend", "none"],
        ["--runtime", "none"],
        ["--no-such-option"],
    ],
    ids=" ".join,
)
def test_absurd_options(run: Run, clip: Path, options: list[str]) -> None:
    assert_refused(run(clip, *options), options[0])
    assert listed(clip.parent) == [clip.name]


def test_no_footage(run: Run, tmp_path: Path) -> None:
    assert_refused(run(), "give a video")
    assert listed(tmp_path) == []


def test_too_large_at_this_scale(run: Run, tmp_path: Path) -> None:
    from data.video.pictures.jpeg import write_jpeg

    write_jpeg(tmp_path / "large.jpg", picture(1, width=1920, height=1080))
    assert_refused(run("large.jpg", "--upsample", "4"), "1920", "a smaller --upsample")


@pytest.mark.usefixtures("detector")
def test_people_in_too_few_frames_or_pictures(run: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Pillow.fromarray(picture(1)).save(tmp_path / "photos" / "1.png")
    few = "for both training and validation, so a trained detector may not recognise them"
    shown = run("photos", "--min-samples", "1").out
    assert f"warning: Person 1 is in too few pictures {few}; add pictures" in shown
    shown = run(clip, "--every", "100", "--min-samples", "1").out
    advice = "add footage, or examine more frames with a smaller --every"
    assert f"warning: Person 1 is in too few frames {few}; {advice}" in shown


# --- several footages -------------------------------------------------------------------------


def test_several_footages_need_a_project(run: Run, clip: Path) -> None:
    shutil.copy(clip, clip.with_name("other.mp4"))
    assert_refused(run(clip, "other.mp4"), "--project")
    assert listed(clip.parent) == ["clip.mp4", "other.mp4"]


def test_same_name_in_another_folder(run: Run, good: Path) -> None:
    before = snapshot(good)
    (good.parent / "b").mkdir()
    shutil.copy(good.with_name("clip.mp4"), good.parent / "b" / "clip.mp4")
    assert_refused(run(Path("b") / "clip.mp4"), "clip.fancam", "--project")
    assert snapshot(good) == before
    assert run(Path("b") / "clip.mp4", "--project", good).code == 0
    assert list(Project(good).footages) == ["clip", "clip (2)"]


def test_footage_has_changed(run: Run, good: Path, clips: Clips, detector: CornerDetector) -> None:
    before = snapshot(good)
    shutil.copy(clips("intra_only.mp4"), good.with_name("clip.mp4"))
    assert_refused(run("clip.mp4"), "clip.mp4", "changed", "--force")
    assert snapshot(good) == before
    assert run("clip.mp4", "--force").code == 0
    frames_read = detector.frames
    assert run("clip.mp4").code == 0
    assert detector.frames == frames_read > 0
    fresh = good.with_name("fresh.fancam")
    assert run("clip.mp4", "--project", fresh).code == 0
    assert_same_result(good, fresh)


def test_unfinished_footage_that_was_deleted(
    run: Run, good: Path, clips: Clips, detector: CornerDetector
) -> None:
    """It had no faces yet, so the project continues without it."""
    gone = Path(shutil.copy(clips("silent.mp4"), good.with_name("gone.mp4")))
    project = Project(good)
    size = gone.stat().st_size
    project.add_footage(gone, size_bytes=size, duration_s=1, rate=None, frame_wh=(160, 96))
    gone.unlink()
    result = run("clip.mp4", "--project", good)
    assert result.code == 0
    problem = f"no footage at {gone}; put it back, or run cluster-faces with its new path"
    add = command_line("cluster-faces", "--project", good, gone)
    assert f"warning: {problem} (no longer in the project; to add it again: {add})" in result.out
    assert detector.frames == 0
    assert list(Project(good).footages) == ["clip"]
