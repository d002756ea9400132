"""`cluster-faces` refuses unusable footage in one line, and accepts any usable name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from data.core.arrays import Image
from data.project.project import Project
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clips.numbered import CORNER_PX, picture
from tests.clustering.command import (
    Ran,
    assert_nothing_half_written,
    assert_refused,
    changed,
    listed,
    names,
    snapshot,
)
from tests.clustering.fakes import PEOPLE, CornerDetector

Run = Callable[..., Ran]

REFUSED = {
    "missing.mp4": ["no such file"],
    "text.mp4": ["not a video"],
    "zero_bytes.mp4": ["empty"],
    "truncated.mp4": ["cut off"],
    "sound_only.m4a": ["sound only"],
    "song_with_cover.m4a": ["sound only"],
    "nothing_decodes.mp4": ["none of its frames can be decoded"],
    "absurd_size.avi": ["too many"],
    "absurd.png": ["too many"],
    "cut_off.jpg": ["damaged"],
    "text.jpg": ["not a picture"],
    "zero_bytes.png": ["empty"],
    "no_pictures": ["no pictures"],
    "only_text_pictures": ["none of its 2 pictures"],
    "broken_pictures": ["damaged"],
}


def path_of(clips: Clips, name: str) -> Path:
    return Path(name) if name == "missing.mp4" else clips(name)


@pytest.mark.parametrize("name", REFUSED)
def test_bad_footage_is_refused(
    run: Run, detector: CornerDetector, clips: Clips, tmp_path: Path, name: str
) -> None:
    assert_refused(run(path_of(clips, name)), Path(name).stem, *REFUSED[name])
    assert detector.frames == 0
    assert_nothing_half_written(tmp_path)


@pytest.mark.parametrize("name", REFUSED)
def test_bad_footage_does_not_change_a_good_project(
    run: Run, clips: Clips, good: Path, name: str
) -> None:
    before = snapshot(good)
    assert_refused(run("--project", good, path_of(clips, name)), *REFUSED[name])
    assert changed(before, snapshot(good)) in ([], ["project.json"])
    assert list(Project(good).footages) == ["clip"]
    again = run("--project", good)
    assert (again.code, again.err) == (0, [])


def test_no_project(run: Run, tmp_path: Path) -> None:
    assert_refused(run("--project", "nowhere"), "nowhere", "no project yet")
    assert listed(tmp_path) == []


def test_misspelt_name_leaves_no_folder(run: Run, tmp_path: Path) -> None:
    assert_refused(run("clpi.mp4"), "clpi.mp4")
    assert listed(tmp_path) == []


def test_pipe_is_no_footage(run: Run, tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert_refused(run("pipe.mp4"), "neither a file nor a folder")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("truncated.mkv", "cut off, about"),
        ("truncated_index_first.mp4", "cut off, about"),
        ("truncated.ts", "faces"),  # a stream without index or length does not show the truncation
    ],
)
def test_truncated_footage_with_a_warning(
    run: Run, detector: CornerDetector, clips: Clips, tmp_path: Path, name: str, expected: str
) -> None:
    result = run(clips(name))
    assert (result.code, result.err) == (0, [])
    assert expected in result.out[0]
    assert detector.frames > 0
    assert len(names(tmp_path / f"{Path(name).stem}.fancam")) == PEOPLE


def test_damaged_frames_are_reported(
    run: Run, detector: CornerDetector, clips: Clips, tmp_path: Path
) -> None:
    result = run(clips("damaged.mp4"), "--every", "0.033")
    assert result.code == 0
    assert "damaged frames skipped" in result.out[0]
    assert_nothing_half_written(tmp_path)
    assert detector.frames > 0


def faceless(number: int) -> Image:
    """Return a picture without people, ``(192, 640, 3)`` RGB."""
    return np.asarray(picture(number)[24:-24].repeat(4, axis=0).repeat(4, axis=1))


def test_no_face_in_the_whole_footage(run: Run, detector: CornerDetector, tmp_path: Path) -> None:
    encode(tmp_path / "empty.mkv", [faceless(n) for n in range(30)])
    command = "cluster-faces --project empty.fancam"
    refused = run("empty.mkv")
    message = "empty.mkv: no face found in 5 frames; to look for smaller faces: "
    assert refused.err == [f"cluster-faces: {message}{command} --min-face 10"]
    sampled = detector.frames
    assert_refused(run("empty.mkv"), "no face")
    assert detector.frames == sampled > 0  # the second run samples no frame
    assert_nothing_half_written(tmp_path)


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize(
    ("options", "advice"),
    [
        pytest.param(("--min-face", "8"), "to look for smaller faces: {} --min-face 5", id="8 px"),
        pytest.param(("--min-face", "4"), "give other footage", id="smallest"),
        pytest.param(
            ("--detector", "hog", "--min-face", "4"),
            "to search with a better detector: {} --detector cnn",
            id="HOG",
        ),
    ],
)
def test_no_face_is_searched_at_a_smaller_size_than_before(
    run: Run, tmp_path: Path, options: tuple[str, ...], advice: str
) -> None:
    encode(tmp_path / "empty.mkv", [picture(n)[24:-24] for n in range(30)])
    command = "cluster-faces --project empty.fancam"
    (line,) = run("empty.mkv", *options).err
    assert line.endswith(f" frames; {advice.format(command)}")


@pytest.mark.usefixtures("detector")
def test_no_face_in_pictures(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        PIL.Image.fromarray(faceless(number)).save(tmp_path / "photos" / f"{number}.png")
    (line,) = run("photos").err
    assert "photos: no face found in 3 pictures; to look for smaller faces: " in line


def test_no_face_in_footage_added_to_a_good_project(run: Run, good: Path, tmp_path: Path) -> None:
    encode(tmp_path / "empty.mkv", [faceless(n) for n in range(30)])
    result = run("--project", good, "empty.mkv")
    assert result.code == 0
    assert "0 faces" in result.out[0]
    assert len(names(good)) == PEOPLE


def test_one_face(run: Run, detector: CornerDetector, tmp_path: Path) -> None:
    from data.video.pictures.jpeg import write_jpeg

    image = picture(0)
    image[:, CORNER_PX:] = 110
    image[CORNER_PX:] = 110
    write_jpeg(tmp_path / "one.jpg", image)
    result = run("one.jpg")
    assert (result.code, result.err) == (0, [])
    assert any("warning: " in line and "--min-samples 1" in line for line in result.out)
    assert names(tmp_path / "one.fancam") == {}
    assert len(list((tmp_path / "one.fancam/people/unknown").iterdir())) == 1
    assert run("one.jpg", "--min-samples", "1").code == 0
    assert names(tmp_path / "one.fancam") == {1: "Person 1"}
    assert (tmp_path / "one.fancam/dataset/data.yaml").exists()
    assert detector.frames == 1


@pytest.mark.parametrize(
    "name",
    [
        "Konzert Köln – 第1夜 (Kopie).mp4",
        " two  spaces .mp4",
        "-dash.mp4",
        "a%20b #1 'x'.mp4",
        "..mp4",
        "unknown.mp4",
        "فيلم.mp4",
        "x" * 200 + ".mp4",
    ],
)
def test_names(run: Run, detector: CornerDetector, clip: Path, name: str) -> None:
    clip.rename(clip.with_name(name))
    result = run("--", name)
    assert (result.code, result.err) == (0, [])
    project = Project(clip.with_name(f"{Path(name).stem}.fancam"))
    assert [entry.path.name for entry in project.footages.values()] == [name]
    assert len(list((project.people_folder / "Person 1").iterdir())) == detector.frames
    assert (project.dataset_folder / "data.yaml").exists()
    again = run("--", name)
    assert "already up to date" in again.out


@pytest.mark.parametrize(
    "name",
    [
        b"K\xf6ln.mp4",
        b"two\nlines.mp4",
        b"12:30.mp4",
        b"back\\slash.mp4",
    ],
)
def test_odd_names(run: Run, detector: CornerDetector, clip: Path, name: bytes) -> None:
    """Names that only Linux allows work, or are refused in one line."""
    path = clip.with_name(os.fsdecode(name))
    try:
        clip.rename(path)
    except OSError:
        pytest.skip("no such names on this disk")
    result = run(path.name)
    if result.code:
        assert_refused(result, "rename it")
        assert detector.frames == 0
    else:
        assert Path(f"{path.stem}.fancam/dataset/data.yaml").exists()
