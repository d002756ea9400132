"""`cluster-faces` from footage to people and dataset, with the real networks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clustering import cli
from data.core.boxes import sizes_wh
from data.project.project import Project
from data.sample.truth import read_truth
from data.tables.dataset import read_data_file, read_labels
from data.tables.decision_log import DecisionLog
from data.tables.faces import Faces
from data.tables.people import open_people
from data.video.pictures.jpeg import read_jpeg, write_jpeg
from data.video.reader import read_frames
from tests.clips.catalogue import Clips
from tests.clustering.command import (
    Ran,
    assert_nothing_half_written,
    assert_refused,
    assert_same_result,
    names,
    ran,
    snapshot,
)
from tests.clustering.fakes import PEOPLE, CornerDetector
from tests.posix import needs_signals

Run = Callable[..., Ran]
QUICK = ("--min-face", "60")  # the drawn faces are larger, so this quarters the work


@pytest.fixture(scope="module")
def finished(films: Path) -> Path:
    """Return the project of the first film. Shared, so do not change it."""
    folder = films / "first.fancam"
    assert cli.main([str(films / "first.mp4"), "--project", str(folder)]) == 0
    return folder


@pytest.fixture
def project(finished: Path, films: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change, next to copies of both films."""
    for film in films.glob("*.mp4"):
        shutil.copy2(film, tmp_path)
    return Path(shutil.copytree(finished, tmp_path / "first.fancam"))


def folders(project: Path) -> list[str]:
    return sorted(path.name for path in (project / "people").iterdir() if path.is_dir())


def assert_dataset_is_whole(project: Path) -> None:
    """Assert that data.yaml is complete and every image and label exists."""
    root = project / "dataset"
    file = read_data_file(root / "data.yaml")
    assert file.names == tuple(names(project).values())
    seen = {}
    for split in (file.train, file.val):
        images = sorted((root / split).iterdir())
        found = [_classes(image) for image in images]
        assert images
        seen[split] = {index for classes in found for index in classes}
        assert seen[split] <= set(range(len(file.names)))
    assert seen[file.train] == set(range(len(file.names)))


def _classes(image: Path) -> list[int]:
    with Image.open(image) as picture:
        size = picture.size
    path = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
    lines = [line.split() for line in path.read_text("utf-8").splitlines()]
    shares = np.array([line[1:] for line in lines], float)
    assert np.all((shares >= 0) & (shares <= 1))
    return [int(index) for index in read_labels(path, size).class_index]


def test_people_of_the_film(finished: Path, films: Path) -> None:
    """There are three people, one for each drawn person."""
    assert names(finished) == {1: "Person 1", 2: "Person 2", 3: "Person 3"}
    assert folders(finished) == ["Person 1", "Person 2", "Person 3", "montage"]
    truth = read_truth(films / "first.mp4")
    faces = Faces.read(Project(finished).faces_file("first"))
    with open_people(Project(finished).people_file) as people:
        person_id = people.assignments("first").person_id
    middles = (faces.xyxy[:, :2] + faces.xyxy[:, 2:]) / 2
    who = []
    for frame, (x, y) in zip(faces.frame_index, middles, strict=True):
        box = truth.xyxy[truth.frame_index == frame]
        inside = (box[:, 0] < x) & (x < box[:, 2]) & (box[:, 1] < y) & (y < box[:, 3])
        assert inside.sum() == 1
        who.append(str(truth.person[truth.frame_index == frame][inside][0]))
    pairs = {(name, int(person)) for name, person in zip(who, person_id, strict=True)}
    assert len(pairs) == len({name for name, _ in pairs}) == len({p for _, p in pairs}) == 3


def test_portraits_and_montages(finished: Path) -> None:
    faces = Faces.read(Project(finished).faces_file("first"))
    portraits = list((finished / "people").glob("Person */*.jpg"))
    assert len(portraits) == len(faces)
    assert {read_jpeg(path).shape for path in portraits[::7]} == {(500, 400, 3)}
    for person in names(finished).values():
        montage = read_jpeg(finished / "people" / "montage" / f"{person}.jpg")
        assert montage.shape[0] >= 160
        assert montage.std() > 20


def test_dataset(finished: Path) -> None:
    assert_dataset_is_whole(finished)
    assert_nothing_half_written(finished)


def test_project_file(finished: Path) -> None:
    content = json.loads((finished / "project.json").read_text("utf-8"))
    (film,) = content["footages"]
    assert film == {
        "name": "first",
        "path": "../first.mp4",  # relative, so that both can be moved together
        "size_bytes": (finished.parent / "first.mp4").stat().st_size,
        "duration_s": 3.0,
        "rate": "25",
        "width": 640,
        "height": 360,
    }
    assert sorted(content["stages"]) == ["content of first", "faces of first", "people"]


def test_report_and_nothing_to_do(run: Run, project: Path) -> None:
    """The second run changes nothing and prints the same report."""
    before = snapshot(project)
    result = run("first.mp4")
    assert (result.code, result.err) == (0, [])
    faces = Faces.read(project / "faces" / "first.parquet")
    width = sizes_wh(faces.xyxy)[:, 0]
    assert result.out[0] == (
        f"first: examined 15 frames (5 a second), {len(faces)} faces of {width.min():.0f} to "
        f"{width.max():.0f} px, median {np.median(width):.0f} (already done)"
    )
    assert result.out[1] == "3 people"
    assert [line.split()[:2] for line in result.out[2:5]] == [["Person", f"{n}"] for n in (1, 2, 3)]
    assert all(" faces  about " in line and line.endswith(" on screen") for line in result.out[2:5])
    assert "first.fancam/people/montage" in result.out[5]
    assert "first.fancam/dataset/data.yaml" in result.out[6]
    assert "already up to date" in result.out
    assert snapshot(project) == before


def test_moved_together(run: Run, project: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("first.mp4", "first.fancam"):
        shutil.move(tmp_path / name, moved)
    result = run(moved / "first.mp4", "--project", moved / project.name)
    assert result.code == 0
    assert "already up to date" in result.out


def test_second_footage_finds_the_people_again(run: Run, project: Path) -> None:
    """Numbers and names stay, a new person gets the next number, and the first film is not read."""
    with open_people(Project(project).people_file) as people:
        DecisionLog(people).rename(2, "Zoë Müller/Smith")
    (project.parent / "first.mp4").unlink()
    faces = (project / "faces" / "first.parquet").stat().st_mtime_ns
    result = run("second.mp4", "--project", project, *QUICK)
    assert (result.code, result.err) == (0, [])
    assert (project / "faces" / "first.parquet").stat().st_mtime_ns == faces
    known = names(project)
    assert {number: known[number] for number in (1, 2, 3)} == {
        1: "Person 1",
        2: "Zoë Müller/Smith",
        3: "Person 3",
    }
    assert len(known) == 4
    kept = {"Person 1", "Zoë Müller_Smith", "Person 3", known[max(known)], "montage"}
    assert set(folders(project)) - {"unknown"} == kept
    with open_people(Project(project).people_file) as people:
        later = set(people.assignments("second").person_id.tolist()) - {-1}
    assert len(later & {1, 2, 3}) == 2
    assert_dataset_is_whole(project)
    again = run("--project", project, *QUICK)
    assert again.code == 0
    problem = f"no footage at {project.parent / 'first.mp4'}; put it back, or run cluster-faces"
    assert f"warning: {problem} with its new path (its faces are kept as they are)" in again.out


@pytest.mark.parametrize(
    "options",
    [
        ["--plain", "--min-samples", "2", *QUICK],
        ["--upsample", "0"],
        ["--runtime", "onnxruntime", "--threads", "1", *QUICK],
        ["--detector", "hog"],
    ],
    ids=" ".join,
)
def test_options(run: Run, films: Path, options: list[str]) -> None:
    result = run(films / "first.mp4", "--every", "0.5", "--min-samples", "2", *options)
    assert (result.code, result.err) == (0, [])
    assert re.search(r"^[1-9]\d* (person|people)$", "\n".join(result.out), re.MULTILINE)
    assert_dataset_is_whole(Path("first.fancam"))


def test_runtimes_agree(run: Run, films: Path) -> None:
    tables = []
    for runtime in ("onnxruntime", "auto"):
        options = ("--runtime", runtime, "--every", "1", "--project", runtime, *QUICK)
        assert run(films / "first.mp4", *options).code == 0
        tables.append(Faces.read(Path(runtime) / "faces" / "first.parquet"))
    assert np.array_equal(tables[0].frame_index, tables[1].frame_index)
    assert np.abs(tables[0].xyxy - tables[1].xyxy).max() <= 1
    assert np.abs(tables[0].embedding - tables[1].embedding).max() < 1e-4


@needs_signals
@pytest.mark.slow
def test_stopped_by_ctrl_c_and_resumed(films: Path, finished: Path, tmp_path: Path) -> None:
    """A separate process with the real networks is stopped by SIGINT, as by a terminal."""
    shutil.copy2(films / "first.mp4", tmp_path)
    command = [sys.executable, "-m", "clustering.cli", "first.mp4"]
    command += ["--detector", "cnn", "--embedder", "dlib"]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(tmp_path / "first.fancam" / "faces" / "first", "*.jpg", process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert_refused(ran(process.returncode, "", err), "stopped", code=130)
    assert_nothing_half_written(tmp_path)
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert_same_result(tmp_path / "first.fancam", finished)


@pytest.mark.slow
def test_killed_and_resumed(films: Path, tmp_path: Path) -> None:
    """A run with the real networks is killed after the first part, and again while writing."""
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    shutil.copy2(films / "first.mp4", tmp_path)
    command = [sys.executable, "-m", "clustering.cli", "first.mp4", "--every", "0.04"]
    command += ["--min-face", "80"]
    expected = [*command, "--project", "expected.fancam"]
    subprocess.run(expected, cwd=tmp_path, env=environment, capture_output=True, check=True)
    for folder, pattern in (("faces/first.parts", "*.frames.parquet"), ("people", "*/*.jpg")):
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
        ) as process:
            wait_for(tmp_path / "first.fancam" / folder, pattern, process)
            process.kill()
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert_same_result(tmp_path / "first.fancam", tmp_path / "expected.fancam")


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 90
    while not any(not path.name.startswith(".") for path in folder.glob(pattern)):
        assert process.poll() is None, "the run ended early"
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.005)


# --- pictures ---------------------------------------------------------------------------------


@pytest.fixture
def photographs(films: Path, tmp_path: Path) -> Path:
    """Return a folder of pictures: some frames of the first film."""
    folder = tmp_path / "my photographs"
    folder.mkdir()
    for frame in read_frames(films / "first.mp4"):
        if frame.index % 15 == 0:
            write_jpeg(folder / f"{frame.index}.jpg", frame.image)
    return folder


def test_folder_of_pictures(run: Run, photographs: Path) -> None:
    (photographs / "broken.jpg").write_bytes(b"broken")
    result = run(photographs, *QUICK)
    assert (result.code, result.err) == (0, [])
    project = photographs.with_name("my photographs.fancam")
    assert result.out[0].startswith("my photographs: 5 pictures, ")
    assert result.out[0].endswith("; 1 damaged picture skipped: broken.jpg")
    assert not any("on screen" in line for line in result.out)
    assert len(names(project)) >= 1
    assert_dataset_is_whole(project)


def test_single_picture(run: Run, photographs: Path) -> None:
    result = run(photographs / "0.jpg", "--min-samples", "1", *QUICK)
    assert (result.code, result.err) == (0, [])
    assert result.out[0] == "0: 1 picture, 2 faces of 103 px"
    assert result.out[1] == "2 people"
    assert folders(photographs.with_name("0.fancam")) != []


def test_pictures_of_several_sizes(
    run: Run, detector: CornerDetector, clips: Clips, tmp_path: Path
) -> None:
    result = run(clips("pictures"))
    assert (result.code, result.err) == (0, [])
    assert detector.frames == 6
    assert len(names(tmp_path / "pictures.fancam")) == PEOPLE
    assert_dataset_is_whole(tmp_path / "pictures.fancam")


# --- real footage -----------------------------------------------------------------------------


@pytest.mark.slow
def test_talk_show(run: Run, shared: Path, tmp_path: Path) -> None:
    """Four people give four folders, four montages, and a dataset with four classes."""
    result = run(shared / "footage" / "talkshow_a.mp4", "--every", "1")
    assert (result.code, result.err) == (0, [])
    project = tmp_path / "talkshow_a.fancam"
    people = [f"Person {number}" for number in (1, 2, 3, 4)]
    assert [folder for folder in folders(project) if folder.startswith("Person")] == people
    montages = sorted((project / "people" / "montage").iterdir())
    assert [path.stem for path in montages] == people
    assert all(read_jpeg(path).shape[1] >= 160 for path in montages)
    faces = len(Faces.read(Project(project).faces_file("talkshow_a")))
    assert len(list((project / "people").glob("*/talkshow_a-*.jpg"))) == faces
    assert_dataset_is_whole(project)
