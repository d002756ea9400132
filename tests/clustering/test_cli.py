"""The command `cluster-faces`: what it refuses, how it says so, and what it leaves alone."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from data.project.project import SCHEMA, Project
from tests.clips import CORNER_PX, Clips, encode, picture
from tests.clustering.child import run_in_child
from tests.clustering.command import (
    Ran,
    assert_nothing_half_written,
    assert_refused,
    assert_same_result,
    names,
    snapshot,
)
from tests.clustering.fakes import PEOPLE, CornerDetector

Run = Callable[..., Ran]
HELP_S = 0.5
HEAVY = ("numpy", "cv2", "onnxruntime", "openvino", "av", "dlib", "pyarrow", "scipy", "tqdm")


@pytest.fixture
def good(run: Run, detector: CornerDetector, clip: Path) -> Path:
    """A project that was finished without trouble."""
    assert run(clip).code == 0
    detector.frames = 0
    return clip.with_name("clip.fancam")


# --- help -------------------------------------------------------------------------------------


def test_help_answers_at_once() -> None:
    command = [sys.executable, "-m", "clustering.cli", "--help"]
    took_s = []
    for _ in range(3):
        start = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        took_s.append(time.perf_counter() - start)
        assert "--every" in answer.stdout
    assert min(took_s) < HELP_S


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


def test_nothing_named(run: Run, tmp_path: Path) -> None:
    assert_refused(run(), "name a footage")
    assert listed(tmp_path) == []


def test_too_large_at_this_scale(run: Run, tmp_path: Path) -> None:
    from data.video.jpeg import write_jpeg

    write_jpeg(tmp_path / "large.jpg", picture(1, width=1920, height=1080))
    assert_refused(run("large.jpg", "--upsample", "4"), "1920", "upsample less")


# --- footage that is none ---------------------------------------------------------------------

REFUSED = {
    "missing.mp4": ["no such file"],
    "text.mp4": ["not a video"],
    "zero_bytes.mp4": ["empty"],
    "truncated.mp4": ["cut off"],
    "sound_only.m4a": ["sound only"],
    "song_with_cover.m4a": ["sound only"],
    "nothing_decodes.mp4": ["no frame of it decodes"],
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
def test_bad_footage_leaves_a_good_project_alone(
    run: Run, clips: Clips, good: Path, name: str
) -> None:
    before = snapshot(good)
    assert_refused(run("--project", good, path_of(clips, name)), *REFUSED[name])
    assert changed(before, snapshot(good)) in ([], ["project.json"])
    assert list(Project(good).footages) == ["clip"]
    again = run("--project", good)
    assert (again.code, again.err) == (0, [])


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(path for path in before | after if before.get(path) != after.get(path))


def test_no_project_there(run: Run, tmp_path: Path) -> None:
    assert_refused(run("--project", "nowhere"), "nowhere", "no project there")
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
    ("name", "told"),
    [
        ("truncated.mkv", "cut off, about"),
        ("truncated_index_first.mp4", "cut off, about"),
        ("truncated.ts", "faces"),  # a stream without index or length: nobody can know
    ],
)
def test_truncated_footage_with_a_warning(
    run: Run, detector: CornerDetector, clips: Clips, tmp_path: Path, name: str, told: str
) -> None:
    result = run(clips(name))
    assert (result.code, result.err) == (0, [])
    assert told in result.out[0]
    assert detector.frames > 0
    assert len(names(tmp_path / f"{Path(name).stem}.fancam")) == PEOPLE


def test_damaged_frames_are_told(
    run: Run, detector: CornerDetector, clips: Clips, tmp_path: Path
) -> None:
    result = run(clips("damaged.mp4"), "--every", "0.033")
    assert result.code == 0
    assert "damaged frames skipped" in result.out[0]
    assert_nothing_half_written(tmp_path)
    assert detector.frames > 0


def test_no_face_in_the_whole_footage(run: Run, detector: CornerDetector, tmp_path: Path) -> None:
    encode(tmp_path / "empty.mkv", [picture(n)[24:-24] for n in range(30)])
    assert_refused(run("empty.mkv"), "empty.mkv", "no face", "--min-face")
    looked = detector.frames
    assert_refused(run("empty.mkv"), "no face")
    assert detector.frames == looked > 0  # it is known by now
    assert_nothing_half_written(tmp_path)


def test_no_face_in_footage_added_to_a_good_project(run: Run, good: Path, tmp_path: Path) -> None:
    encode(tmp_path / "empty.mkv", [picture(n)[24:-24] for n in range(30)])
    result = run("--project", good, "empty.mkv")
    assert result.code == 0
    assert "0 faces" in result.out[0]
    assert len(names(good)) == PEOPLE


def test_one_face(run: Run, detector: CornerDetector, tmp_path: Path) -> None:
    from data.video.jpeg import write_jpeg

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
    assert "up to date" in again.out[-1]


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
    """What a name may hold on Linux and nowhere else: it works, or one line says why not."""
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


# --- where it writes --------------------------------------------------------------------------


def test_unreadable_footage(clips: Clips, open_folder: Path) -> None:
    path = Path(shutil.copy(clips("constant_rate.mp4"), open_folder / "clip.mp4"))
    path.chmod(0)
    result = run_in_child(open_folder, "clip.mp4", without_rights=True)
    assert_refused(result, "clip.mp4", "permission")
    assert listed(open_folder) == ["clip.mp4"]


def test_read_only_folder(clips: Clips, open_folder: Path) -> None:
    shutil.copy(clips("constant_rate.mp4"), open_folder / "clip.mp4")
    open_folder.chmod(0o555)
    result = run_in_child(open_folder, "clip.mp4", without_rights=True)
    assert_refused(result, "clip.fancam", "no permission", "--project")
    assert listed(open_folder) == ["clip.mp4"]


def test_read_only_project(clips: Clips, open_folder: Path) -> None:
    shutil.copy(clips("constant_rate.mp4"), open_folder / "clip.mp4")
    assert run_in_child(open_folder, "clip.mp4").code == 0
    before = snapshot(open_folder)
    for path in [*(open_folder / "clip.fancam").rglob("*"), open_folder / "clip.fancam"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    result = run_in_child(open_folder, "clip.mp4", "--every", "0.5", without_rights=True)
    assert_refused(result, "no permission", "--project")
    assert snapshot(open_folder) == before


def full(path: Any) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def full_for_tables(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write = pyarrow.parquet.write_table

    def write_table(table: Any, path: Path, **options: Any) -> None:
        if name not in str(path):
            write(table, path, **options)
            return
        Path(path).write_bytes(b"half")
        # pyarrow's own words and number, without a file's name.
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space")

    monkeypatch.setattr(pyarrow.parquet, "write_table", write_table)


def full_for_bytes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write = Path.write_bytes

    def write_bytes(path: Path, content: Any) -> int:
        if name not in path.as_posix():
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise full(path)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def full_for_links(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def link(source: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source))

    def copyfile(source: Path, target: Path) -> None:
        if name in Path(target).as_posix():
            target.write_bytes(source.read_bytes()[:100])
            raise full(target)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(shutil, "copyfile", copyfile)


def full_for_folders(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mkdir = os.mkdir

    def full_mkdir(path: Any, *args: Any, **options: Any) -> None:
        if name in str(path):
            raise full(path)
        mkdir(path, *args, **options)

    monkeypatch.setattr(os, "mkdir", full_mkdir)


def full_for_sqlite(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    connect = sqlite3.connect

    def limited(path: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(path, *args, **kwargs)
        connection.execute(f"PRAGMA max_page_count = {name}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", limited)


FULL = {
    "project": (full_for_bytes, "project"),
    "first picture": (full_for_bytes, "clip/.00000000"),
    "portrait": (full_for_bytes, "clip/.00000009-2"),
    "first part": (full_for_tables, "-000000."),
    "fourth part": (full_for_tables, "-000003"),
    "frames table": (full_for_tables, ".clip.frames"),
    "faces table": (full_for_tables, ".clip.partial"),
    "people": (full_for_sqlite, "6"),
    "list of files": (full_for_bytes, "people/..generated"),
    "copy of a portrait": (full_for_links, "Person 2"),
    "montage": (full_for_bytes, "montage"),
    "image of the dataset": (full_for_links, "dataset/images"),
    "labels": (full_for_bytes, "dataset/labels"),
}
FULL_AT_FIRST = {
    "people file": (full_for_sqlite, "1"),
    "folders": (full_for_folders, "dataset/labels"),
    "data.yaml": (full_for_bytes, ".data."),
}
BEFORE, OPTIONS = ("--every", "0.5"), ("--every", "0.075")


@pytest.mark.parametrize("where", FULL | FULL_AT_FIRST)
def test_disk_full(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Callable[..., Path], where: str
) -> None:
    """One line; nothing half-written; then, with room again, what an undisturbed run gives."""
    run_out_of_space(run, clip, where)
    assert run(clip, *OPTIONS).code == 0
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))
    assert detector.frames > 0


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(where, marks=[] if where in ("people", "montage") else pytest.mark.slow)
        for where in FULL
    ],
)
def test_disk_full_over_a_good_result(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Callable[..., Path], where: str
) -> None:
    assert run(clip, *BEFORE).code == 0
    run_out_of_space(run, clip, where)
    assert len(names(clip.with_name("clip.fancam"))) == PEOPLE
    assert run(clip, *OPTIONS).code == 0
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(BEFORE, OPTIONS))
    assert detector.frames > 0


def run_out_of_space(run: Run, clip: Path, where: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        fill, name = (FULL | FULL_AT_FIRST)[where]
        fill(monkeypatch, name)
        assert_refused(run(clip, *OPTIONS), "full")
    assert_nothing_half_written(clip.parent)


def test_project_of_another_version(run: Run, good: Path) -> None:
    edit_project(good, lambda content: content.update(schema=SCHEMA + 1))
    before = snapshot(good)
    assert_refused(run("clip.mp4"), "another version", f"{SCHEMA + 1}", "--project")
    assert_refused(run("clip.mp4", "--force"), "another version")
    assert snapshot(good) == before


def edit_project(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    file = folder / "project.json"
    content = json.loads(file.read_text("utf-8"))
    edit(content)
    file.write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 500,
        b'{"schema": 1, "footages": [',
        b"[]",
        b'{"schema": 1}',
        b'{"schema": 1, "footages": 5, "stages": {}}',
        b'{"schema": 1, "footages": [{"name": "clip"}], "stages": {}}',
        b'{"schema": 1, "footages": [], "stages": 3}',
        b"\xff\xfe",
    ],
    ids=["empty", "zeros", "cut off", "list", "keys", "footages", "entry", "stages", "encoding"],
)
def test_damaged_project(run: Run, good: Path, content: bytes) -> None:
    (good / "project.json").write_bytes(content)
    before = snapshot(good)
    assert_refused(run("clip.mp4"), "clip.fancam", "--project")
    assert snapshot(good) == before


def test_people_of_another_version(run: Run, good: Path) -> None:
    with sqlite3.connect(good / "people.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = snapshot(good)
    assert_refused(run("clip.mp4", "--eps", "0.4"), "people.sqlite", "another version")
    assert changed(before, snapshot(good)) == []


def test_damaged_people(run: Run, good: Path) -> None:
    (good / "people.sqlite").write_bytes(b"no database" * 500)
    before = snapshot(good)
    assert_refused(run("clip.mp4", "--eps", "0.4"), "people.sqlite", "move it away")
    assert snapshot(good) == before


def test_damaged_table_is_made_again_by_force(
    run: Run, good: Path, detector: CornerDetector
) -> None:
    table = good / "faces" / "clip.parquet"
    table.write_bytes(table.read_bytes()[:-40])
    assert_refused(run("clip.mp4"), "clip.parquet", "--force")
    assert run("clip.mp4", "--force").code == 0
    assert len(names(good)) == PEOPLE
    assert detector.frames > 0


def test_missing_table_is_made_again(run: Run, good: Path, detector: CornerDetector) -> None:
    (good / "faces" / "clip.parquet").unlink()
    assert run("clip.mp4").code == 0
    assert detector.frames > 0


@pytest.mark.parametrize("folder", ["people", "dataset"])
def test_removed_folder_is_made_again(run: Run, good: Path, folder: str) -> None:
    before = {path: content for path, (_, content) in snapshot(good).items()}
    shutil.rmtree(good / folder)
    assert run("clip.mp4").code == 0
    after = {path: content for path, (_, content) in snapshot(good).items()}
    assert sorted(after) == sorted(before)


def test_file_in_the_place_of_the_project(run: Run, clip: Path) -> None:
    clip.with_name("clip.fancam").write_text("mine")
    assert_refused(run(clip), "clip.fancam", "a file is in the place")
    assert clip.with_name("clip.fancam").read_text() == "mine"


def test_own_file_in_the_way(run: Run, good: Path) -> None:
    shutil.rmtree(good / "people")
    (good / "people" / "Person 1.jpg").mkdir(parents=True)
    (good / "people" / "montage").write_text("mine")
    result = run("clip.mp4", "--eps", "0.45")
    assert_refused(result, "montage", "move it away")
    assert (good / "people" / "montage").read_text() == "mine"


def test_another_run_is_at_work(run: Run, good: Path) -> None:
    before = snapshot(good)
    with Project(good).lock():
        assert_refused(run("clip.mp4"), "clip.fancam", "another run is at work")
    assert snapshot(good) == before
    assert run("clip.mp4").code == 0


# --- several footages -------------------------------------------------------------------------


def test_several_footages_need_a_project(run: Run, clip: Path) -> None:
    shutil.copy(clip, clip.with_name("other.mp4"))
    assert_refused(run(clip, "other.mp4"), "--project")
    assert listed(clip.parent) == ["clip.mp4", "other.mp4"]


def test_same_name_elsewhere(run: Run, good: Path) -> None:
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
    looked = detector.frames
    assert run("clip.mp4").code == 0
    assert detector.frames == looked > 0
    fresh = good.with_name("fresh.fancam")
    assert run("clip.mp4", "--project", fresh).code == 0
    assert_same_result(good, fresh)


def test_footage_that_a_stopped_run_left_is_gone(
    run: Run, good: Path, clips: Clips, detector: CornerDetector
) -> None:
    """It had no faces yet: the project goes on without it."""
    gone = Path(shutil.copy(clips("silent.mp4"), good.with_name("gone.mp4")))
    project = Project(good)
    size = gone.stat().st_size
    project.add_footage(gone, size_bytes=size, duration_s=1, rate=None, frame_wh=(160, 96))
    gone.unlink()
    result = run("clip.mp4", "--project", good)
    assert result.code == 0
    assert any("gone" in line for line in result.out + result.err)
    assert detector.frames == 0
    assert list(Project(good).footages) == ["clip"]
