"""Exports, read by libraries of other tools: the same images, boxes and names."""

from __future__ import annotations

import shutil
import sys
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import fancam.cli
from data.project.project import Project
from data.project.stages import TRACKS
from data.tables.dataset import DATA_FILE, label_path, read_labels
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.people import open_people
from data.tables.timeline import Timeline
from data.tables.tracks import FACE, FILLED, Tracks, write_csv
from tests.footage_kinds.exports.export_readers import (
    READERS,
    Boxes,
    mot_by_datumaro,
    mot_by_motmetrics,
    scores_by_trackeval,
)
from tests.records import tracks_record
from tests.tracking.coloured import add_people
from tests.tracking.drawn_project import HEIGHT, NAMES, WIDTH, draw_project

ODD_NAMES = {
    "plain": NAMES,
    "quotes": ('Zoë "the boss" O\'Brien', "A, B & <C>"),
    "scripts": ("🎤 민지", "名 #1: 100 %"),
    "yaml": ("yes", "- x: [y] {z}"),
    "numbers": ("1", "1e5"),
    "null": ("NULL", "~"),
    "path": ("a/b\\c", "..."),
    "entities": ("&amp;", "$image"),
}
"""Names of two people."""
ODD_FOOTAGE = {
    "plain": "concert",
    "quotes": 'Anna\'s "birthday"',
    "url": "50% off + #1 & more?d=x",
    "ini": "a=b; [c] %(d)s",
    "scripts": "🎂 fête 名",
    "dots": "v1.2.final",
    "line break": "two\nlines=3",
}
if sys.platform == "win32":  # no file can have these names there
    ODD_FOOTAGE = {kind: ODD_FOOTAGE[kind] for kind in ("plain", "ini", "scripts", "dots")}
TOLERANCE_PX = {"coco": 0.01, "label-studio": 0.001, "yolo": 0.001}
"""Rounding of the formats: supervision rounds COCO, and YOLO has six decimals of the image's size,
which is also where the expected boxes come from."""


@dataclass(frozen=True)
class Case:
    """A project to export."""

    names: tuple[str, ...] = NAMES
    footage: str = "concert"
    train: int = 2
    val: int = 2


CASES = {
    **{f"names {kind}": Case(names=names) for kind, names in ODD_NAMES.items()},
    **{f"footage {kind}": Case(footage=name) for kind, name in ODD_FOOTAGE.items()},
    "one person": Case(names=("Anna",)),
    "no val": Case(val=0),
    "no face": Case(names=("Anna", "Ben"), train=3),
}


def make_dataset(folder: Path, case: Case) -> Path:
    """Draw a dataset whose images are named after the footage, with one image without a face."""
    dataset = draw_project(
        folder / "a.fancam", train=case.train, val=case.val, names=case.names
    ).dataset_folder
    for number, image in enumerate(sorted(dataset.glob("images/*/*.jpg"))):
        label = dataset / label_path(image.relative_to(dataset).as_posix())
        for file in (image, label):
            file.rename(file.with_name(f"{case.footage}-{number:08d}{file.suffix}"))
    next(iter(sorted(dataset.glob("labels/train/*.txt")))).write_text("", "utf-8")
    if not case.val:  # as cluster-faces writes it
        text = (dataset / DATA_FILE).read_text("utf-8")
        (dataset / DATA_FILE).write_text(text.replace("images/val", "images/train"), "utf-8")
    return dataset


def boxes_of(dataset: Path, names: tuple[str, ...]) -> Boxes:
    """Return the boxes of a dataset by our own reader."""
    return {
        image.stem: [
            (names[index], x1, y1, x2 - x1, y2 - y1)
            for index, (x1, y1, x2, y2) in zip(
                labels.class_index.tolist(), labels.xyxy.tolist(), strict=True
            )
        ]
        for image in sorted(dataset.glob("images/*/*.jpg"))
        for labels in [
            read_labels(
                dataset / label_path(image.relative_to(dataset).as_posix()), (WIDTH, HEIGHT)
            )
        ]
    }


def assert_same(read: Boxes, expected: Boxes, tolerance_px: float) -> None:
    assert sorted(read) == sorted(expected)
    for image, boxes in expected.items():
        found = sorted(read[image])
        assert [name for name, *_ in found] == [name for name, *_ in sorted(boxes)]
        for (_, *box), (_, *wanted) in zip(found, sorted(boxes), strict=True):
            np.testing.assert_allclose(box, wanted, atol=tolerance_px)


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as source:
        assert source.testzip() is None
        source.extractall(folder)
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_dataset_is_read_by_others(tmp_path: Path, case: Case) -> None:
    dataset = make_dataset(tmp_path, case)
    expected = boxes_of(dataset, case.names)
    assert [len(boxes) for boxes in expected.values()].count(0) == 1
    assert fancam.cli.main(["export", str(dataset.parent)]) == 0
    for kind, readers in READERS.items():
        folder = dataset
        if kind != "yolo":
            folder = unpacked(dataset.parent / "export" / f"{kind}.zip", tmp_path / kind)
        for reader in readers:
            assert_same(reader(folder), expected, TOLERANCE_PX[kind])


# --- MOTChallenge -----------------------------------------------------------------------------

FRAMES = 12


@dataclass(frozen=True)
class MotCase:
    """A tracked footage to export."""

    names: tuple[str, str, str] = ("Anna", "Person 2", "Ben, the 2nd")
    footage: str = "concert"
    rate: Fraction | None = Fraction(25)


MOT_CASES = {
    **{f"names {kind}": MotCase(names=(*two, "Cleo")) for kind, two in ODD_NAMES.items()},
    **{f"footage {kind}": MotCase(footage=name) for kind, name in ODD_FOOTAGE.items()},
    "29.97 frames a second": MotCase(rate=Fraction(30000, 1001)),
    "a frame in 5 seconds": MotCase(rate=Fraction(1, 5)),
    "unknown rate": MotCase(rate=None),
}


def mot_project(folder: Path, case: MotCase, tracks: Tracks) -> Project:
    """Write a project of people 3, 7 and 12 with the tracks of one footage."""
    project = Project(folder / "b.fancam")
    project.save()
    names = dict(zip((3, 7, 12), case.names, strict=True))
    add_people(project, names)
    entry = project.add_footage(
        folder / f"{case.footage}.mp4",
        size_bytes=1000,
        duration_s=1.0,
        rate=case.rate,
        frame_wh=(640, 360),
    )
    write_csv(project.tracks_file(entry.name), tracks, names)
    times = np.arange(FRAMES) / 25
    timeline = Timeline(np.arange(FRAMES), times, np.zeros(0, np.int64))
    np.savez(
        project.detections_file(entry.name),
        frame_index=timeline.frame_index,
        time_s=timeline.time_s,
        cuts=timeline.cuts,
    )
    project.finish(TRACKS, tracks_record(names), entry.name)
    return project


def tracks_of(*rows: tuple[int, int], filled: tuple[int, ...] = ()) -> Tracks:
    """Return tracks of ``(frame, person)``, each with a box of its own; ``filled`` are rows."""
    random = np.random.default_rng(3)
    corner = np.round(random.uniform(-20, 500, (len(rows), 2)), 2)
    size = np.round(random.uniform(10, 90, (len(rows), 2)), 2)
    frame, person = np.array(rows, np.int64).reshape(-1, 2).T
    return Tracks.ordered(
        frame_index=frame,
        time_s=frame / 25,
        person_id=person,
        xyxy=np.hstack([corner, corner + size]).astype(np.float32),
        confidence=np.full(len(rows), 0.7, np.float32),
        source=np.where(np.isin(np.arange(len(rows)), filled), FILLED, FACE).astype(np.int8),
    )


ROWS = ((0, 3), (0, 7), (1, 3), (1, -1), (1, -1), (4, 7), (4, 12), (11, 3), (11, -1))


def frames_of(tracks: Tracks, names: dict[int, str]) -> Boxes:
    """Return the boxes of the named people, by frame."""
    boxes: Boxes = {}
    for frame, person, (x1, y1, x2, y2) in zip(
        tracks.frame_index.tolist(), tracks.person_id.tolist(), tracks.xyxy.tolist(), strict=True
    ):
        if person in names:
            boxes.setdefault(str(frame + 1), []).append((names[person], x1, y1, x2 - x1, y2 - y1))
    return boxes


def export_mot(project: Project, folder: Path, *options: str) -> tuple[Path, Path]:
    """Export and unpack; return the folder of the ground truth and the file of the results."""
    assert fancam.cli.main(["export", str(project.folder), "--format", "mot", *options]) == 0
    (name,) = project.footages
    truth = unpacked(project.export_folder / f"{name}.mot.zip", folder / "truth")
    results = unpacked(project.export_folder / f"{name}.mot-results.zip", folder / "results")
    assert [path.name for path in results.iterdir()] == [f"{name}.txt"]
    return truth, results / f"{name}.txt"


@pytest.mark.parametrize("case", MOT_CASES.values(), ids=MOT_CASES)
def test_tracks_are_read_by_others(tmp_path: Path, case: MotCase) -> None:
    """Boxes are rounded to 0.01 px."""
    project = mot_project(tmp_path, case, tracks_of(*ROWS, filled=(2,)))
    names = dict(zip((3, 7, 12), case.names, strict=True))
    expected = frames_of(tracks_of(*ROWS), names)
    truth, results = export_mot(project, tmp_path)
    every_frame = {str(n): expected.get(str(n), []) for n in range(1, FRAMES + 1)}
    assert_same(mot_by_datumaro(truth), every_frame, 0.02)
    for file in (truth / "gt/gt.txt", results):
        assert_same(mot_by_motmetrics(file, names), expected, 0.02)
    assert (truth / "gt/labels.txt").read_text("utf-8").splitlines() == list(case.names)
    frames, scores = scores_by_trackeval(truth, results, tmp_path / "trackeval")
    assert (frames, scores["CLR_TP"], scores["CLR_FP"], scores["CLR_FN"]) == (FRAMES, 6, 0, 0)
    assert (scores["MOTA"], scores["IDF1"]) == (1, 1)


def test_columns_of_ground_truth_and_results(tmp_path: Path) -> None:
    project = mot_project(tmp_path, MotCase(), tracks_of(*ROWS, filled=(2,)))
    truth, results = export_mot(project, tmp_path)
    rows = [line.split(",") for line in (truth / "gt/gt.txt").read_text("utf-8").splitlines()]
    # Frame, person, box; 1 as it counts; class from 1 in labels.txt; visibility.
    assert [(row[0], row[1], *row[6:]) for row in rows] == [
        ("1", "3", "1", "1", "1"),
        ("1", "7", "1", "2", "1"),
        ("2", "3", "1", "1", "0"),
        ("5", "7", "1", "2", "1"),
        ("5", "12", "1", "3", "1"),
        ("12", "3", "1", "1", "1"),
    ]
    for row, line in zip(rows, results.read_text("utf-8").splitlines(), strict=True):
        assert line.split(",") == [*row[:6], "0.7000", "-1", "-1", "-1"]


def test_bodies_are_the_boxes_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows without a body are left out, and counted."""
    tracks = tracks_of(*ROWS)
    body_xyxy = tracks.body_xyxy.copy()
    body_xyxy[0], body_xyxy[5] = (10, 20, 110, 320), (200, 30, 260, 330)
    project = mot_project(tmp_path, MotCase(), tracks.replace(body_xyxy=body_xyxy))
    truth, results = export_mot(project, tmp_path, "--boxes", "body")
    expected = [["10.00", "20.00", "100.00", "300.00"], ["200.00", "30.00", "60.00", "300.00"]]
    for file in (truth / "gt/gt.txt", results):
        assert [line.split(",")[2:6] for line in file.read_text("utf-8").splitlines()] == expected
    assert "left out 4 rows without a detected body" in capsys.readouterr().out


@pytest.mark.parametrize("with_images", [False, True])
def test_frames_may_be_added(tmp_path: Path, with_images: bool) -> None:
    """datumaro opens a sequence without its images, and finds those that the user adds."""
    from datumaro.components.dataset import Dataset

    project = mot_project(tmp_path, MotCase(), tracks_of(*ROWS))
    truth, _ = export_mot(project, tmp_path)
    if with_images:
        (truth / "img1").mkdir()
        drawn = draw_project(tmp_path / "a.fancam", train=1, val=0).dataset_folder
        shutil.copy(next(drawn.glob("images/train/*.jpg")), truth / "img1" / "000005.jpg")
    items = {int(item.id): item for item in Dataset.import_from(str(truth), "mot_seq")}
    assert len(items) == FRAMES
    assert items[5].media.size == (360, 640)
    assert items[5].media.has_data == with_images
    attributes = [(box.attributes["track_id"], box.label) for box in items[5].annotations]
    assert attributes == [(7, 1), (12, 2)]


def test_hidden_and_unknown_people_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = mot_project(tmp_path, MotCase(), tracks_of(*ROWS))
    with open_people(project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.HIDE, 7))
        DecisionLog(people).rename(12, "Cleo")
    truth, results = export_mot(project, tmp_path)
    names = {3: "Anna", 12: "Cleo"}
    expected = frames_of(tracks_of(*ROWS), names)
    read = mot_by_datumaro(truth)
    assert_same({frame: boxes for frame, boxes in read.items() if boxes}, expected, 0.02)
    assert_same(mot_by_motmetrics(results, names), expected, 0.02)
    output = capsys.readouterr().out
    assert output.count(" 4 boxes\n") == 2
    assert "concert: left out 5 boxes of unknown or hidden people" in output


@pytest.mark.parametrize("rows", [(), ((1, -1),)], ids=["no row", "only unknown people"])
def test_tracks_of_no_person(tmp_path: Path, rows: tuple[tuple[int, int], ...]) -> None:
    truth, results = export_mot(mot_project(tmp_path, MotCase(), tracks_of(*rows)), tmp_path)
    assert mot_by_datumaro(truth) == {str(n): [] for n in range(1, FRAMES + 1)}
    assert results.read_bytes() == b""


def test_labels_are_distinct_lines(tmp_path: Path) -> None:
    """A person of an earlier tracking may have the name of another one of today."""
    project = mot_project(tmp_path, MotCase(names=("Anna", "Ben", "Cleo")), tracks_of(*ROWS))
    names = {3: "Anna", 7: "Ben", 12: "Cleo", 90: "Zoë", 91: "two\nlines", 92: " "}
    project.finish(TRACKS, tracks_record(names), "concert")
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(3, "Zoë")
    truth, _ = export_mot(project, tmp_path)
    labels = (truth / "gt/labels.txt").read_text("utf-8").splitlines()
    assert labels == ["Zoë", "Ben", "Cleo", "Zoë (2)", "two lines", "Person"]
    assert mot_by_datumaro(truth)["1"][0][0] == "Zoë"
