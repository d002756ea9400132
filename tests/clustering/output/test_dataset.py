from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clustering.faces.labelled import LabelledFootage
from clustering.output.dataset import DatasetPlan, dataset_files, plan_dataset
from data.core.boxes import iou
from data.core.errors import InputError
from data.project.manifest import OutputFolder
from data.tables.dataset import read_data_file, read_labels
from data.video.pictures.jpeg import read_jpeg, write_jpeg
from tests.clustering.labelled_footage import BOXES, FRAME_WH, footage

NAMES = {1: "Anna", 2: 'O\'Brien: "the" boss', 5: "Zoë 名 🙂"}


def frames_of(plan: DatasetPlan) -> list[int]:
    return [image.frame_index for image in plan.images]


@pytest.mark.parametrize(
    ("people", "images", "too_few"),
    [
        pytest.param([], [], (), id="no frames"),
        pytest.param([[], []], [], (), id="no faces"),
        pytest.param([[-1], [-1, -1]], [], (), id="unknown only"),
        pytest.param([[1]], [0], (1,), id="one person in one frame"),
        pytest.param([[1], [-1], [1], [-1, 1]], [0, 10, 15], (), id="unknown ones among them"),
        pytest.param([[1], [1], [5]], [0, 5, 10], (5,), id="one person in a single image"),
    ],
)
def test_selected_frames(
    people: list[list[int]], images: list[int], too_few: tuple[int, ...]
) -> None:
    plan = plan_dataset([footage(people)], NAMES)
    assert frames_of(plan) == images
    assert plan.too_few == too_few


def test_no_footage() -> None:
    plan = plan_dataset([], {})
    assert (plan.images, plan.names, plan.person_id, plan.too_few) == ((), (), (), ())


def test_classes_follow_the_ids_and_every_known_face_is_labelled() -> None:
    plan = plan_dataset([footage([[5, 2], [2], [1, -1, 5], [1]])], NAMES)
    assert plan.person_id == (1, 2, 5)
    assert plan.names == tuple(NAMES.values())
    labels = {i.frame_index: i.labels.class_index.tolist() for i in plan.images}
    assert labels == {0: [2, 1], 5: [1], 10: [0, 2], 15: [0]}
    assert [len(i.covered) for i in plan.images] == [0, 0, 1, 0]


def test_labels_are_larger_than_the_face_and_inside_the_frame() -> None:
    over_the_edge = {(1, 0): (-10, -4, 10, 16), (2, 0): (62, 20, 90, 40), (3, 0): (70, 0, 90, 20)}
    plan = plan_dataset([footage([[1]] * 4, boxes=over_the_edge)], NAMES, label_margin=0.25)
    boxes = {i.frame_index: i.labels.xyxy.tolist() for i in plan.images}
    assert boxes[0] == [[2, 1.5, 14, 16.5]]
    assert boxes[5] == [[0, 0, 15, 21]]
    assert boxes[10] == [[55, 15, 64, 45]]
    assert 15 not in boxes  # the face is outside the picture


def test_a_frame_whose_mask_would_hide_a_known_face_is_left_out() -> None:
    near = {(0, 1): (8, 4, 16, 14), (1, 1): (14, 4, 22, 14)}
    plan = plan_dataset([footage([[1, -1], [1, -1], [1]], boxes=near)], NAMES)
    assert frames_of(plan) == [5, 10]
    assert plan.left_out["known face would be covered"] == 1


@pytest.mark.parametrize(
    ("shown", "empty", "expected"),
    [(5, 100, 0), (9, 100, 1), (90, 5, 5), (90, 200, 10), (0, 20, 0)],
)
def test_background_is_a_tenth_at_most(shown: int, empty: int, expected: int) -> None:
    plan = plan_dataset([footage([[1]] * shown + [[]] * empty, every_s=10)], NAMES)
    background = [i for i in plan.images if not len(i.labels)]
    assert len(background) == expected
    assert len(plan.images) == shown + expected
    if expected == 10:
        gaps = np.diff([i.frame_index for i in background])
        assert gaps.max() - gaps.min() <= 5


def test_background_may_be_none() -> None:
    plan = plan_dataset([footage([[1]] * 20 + [[]] * 9)], NAMES, background_share=0)
    assert len(plan.images) == 20


def test_an_unnamed_person_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lacks \[3\]"):
        plan_dataset([footage([[3]])], NAMES)


def test_the_plan_is_deterministic() -> None:
    rng = np.random.default_rng(0)
    people = [[p for p in (1, -1, 2, 5) if rng.random() < 0.4] for _ in range(100)]
    some = [footage(people, name=name, every_s=0.3) for name in ("a", "b")]
    first, second = (plan_dataset(some, NAMES) for _ in range(2))
    for one, other in zip(first.images, second.images, strict=True):
        assert (one.footage, one.frame_index, one.split) == (
            other.footage,
            other.frame_index,
            other.split,
        )
    assert Counter(i.split for i in first.images)["val"] > 0.15 * len(first.images)
    assert first.too_few == ()


class Stills:
    """Stills on disk for synthetic footage: grey, with a white square for every face."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str, frame_index: int) -> Path:
        return self.folder / name / f"{frame_index:08d}.jpg"

    def draw(self, footage: LabelledFootage) -> LabelledFootage:
        for index in footage.frames.frame_index.tolist():
            image = np.full((FRAME_WH[1], FRAME_WH[0], 3), 90, np.uint8)
            for x1, y1, x2, y2 in footage.faces.xyxy[footage.faces.frame_index == index]:
                image[int(y1) : int(y2), int(x1) : int(x2)] = 255
            write_jpeg(self.file(footage.name, index), image)
        return footage


@pytest.fixture
def stills(tmp_path: Path) -> Stills:
    return Stills(tmp_path / "stills")


def test_no_people_no_files(stills: Stills) -> None:
    assert dataset_files(plan_dataset([footage([[-1], []])], NAMES), stills.file) == {}


def test_files(stills: Stills, tmp_path: Path) -> None:
    """Two footages have the same frame indices; one frame has an unknown face."""
    some = [
        stills.draw(footage([[1, 2]] * 6 + [[1, -1]], name="a", every_s=3)),
        stills.draw(footage([[5]] * 6 + [[]], name="b é", every_s=3)),
    ]
    plan = plan_dataset(some, NAMES)
    folder = OutputFolder(tmp_path / "dataset")
    files = dataset_files(plan, stills.file)
    assert folder.sync(files).written == len(files) == 1 + 2 * 14
    assert folder.sync(dataset_files(plan, stills.file)).kept == len(files)
    for image in plan.images:
        name = f"{image.split}/{image.footage}-{image.frame_index:08d}"
        file = folder.folder / f"images/{name}.jpg"
        labels = read_labels(folder.folder / f"labels/{name}.txt", FRAME_WH)
        assert labels.class_index.tolist() == image.labels.class_index.tolist()
        assert np.abs(labels.xyxy - image.labels.xyxy).max(initial=0) < 0.01
        still = stills.file(image.footage, image.frame_index)
        assert file.samefile(still) == (len(image.covered) == 0)
    assert read_data_file(folder.folder / "data.yaml").names == tuple(NAMES.values())


def test_the_unknown_face_is_masked_and_the_known_one_is_not(
    stills: Stills, tmp_path: Path
) -> None:
    plan = plan_dataset([stills.draw(footage([[1, -1], [1]]))], NAMES)
    OutputFolder(tmp_path / "dataset").sync(dataset_files(plan, stills.file))
    (file,) = (tmp_path / "dataset").rglob("images/*/a-00000000.jpg")
    image = read_jpeg(file)
    known, unknown = (
        image[int(y1) + 1 : int(y2) - 1, int(x1) + 1 : int(x2) - 1] for x1, y1, x2, y2 in BOXES[:2]
    )
    assert known.min() > 200
    assert unknown.max() < 130
    assert read_jpeg(stills.file("a", 0)).max() > 200


def test_a_missing_still_is_named(stills: Stills) -> None:
    with pytest.raises(InputError, match="--force"):
        dataset_files(plan_dataset([footage([[1]])], NAMES), stills.file)


def test_without_val_the_train_images_are_used(stills: Stills, tmp_path: Path) -> None:
    plan = plan_dataset([stills.draw(footage([[1]]))], NAMES)
    OutputFolder(tmp_path / "dataset").sync(dataset_files(plan, stills.file))
    content = read_data_file(tmp_path / "dataset" / "data.yaml")
    assert content.val == content.train == "images/train"


_LOAD = """
import json, sys
from ultralytics.cfg import get_cfg
from ultralytics.data.build import build_yolo_dataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(sys.argv[1], autodownload=False)
found = {"names": data["names"], "splits": {}}
for split in ("train", "val"):
    cfg = get_cfg(overrides={"imgsz": 64, "workers": 0, "task": "detect"})
    images = build_yolo_dataset(cfg, data[split], 4, data, mode=split)
    batch = images.collate_fn([images[i] for i in range(4)])
    found["splits"][split] = {
        "batch": list(batch["img"].shape),
        "images": {
            label["im_file"]: [label["cls"].reshape(-1).tolist(), label["bboxes"].tolist()]
            for label in images.labels
        },
    }
print("FOUND" + json.dumps(found))
"""


@pytest.mark.slow
def test_ultralytics_reads_it_from_any_folder_and_after_a_move(
    stills: Stills, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    people = [[p for p in (1, 2, 5, -1) if rng.random() < 0.5] for _ in range(60)]
    plan = plan_dataset([stills.draw(footage(people, every_s=2))], NAMES)
    OutputFolder(tmp_path / "x" / "dataset").sync(dataset_files(plan, stills.file))
    moved = (tmp_path / "x").rename(tmp_path / "moved é") / "dataset"
    found = _load_with_ultralytics(moved / "data.yaml", tmp_path)
    assert list(found["names"].values()) == list(NAMES.values())
    for split in ("train", "val"):
        expected = [image for image in plan.images if image.split == split]
        loaded = found["splits"][split]
        assert loaded["batch"] == [4, 3, 64, 64]
        assert len(loaded["images"]) == len(expected)
        for image in expected:
            file = moved / f"images/{split}/a-{image.frame_index:08d}.jpg"
            classes, cxcywh = loaded["images"][str(file)]
            boxes = np.array(cxcywh, np.float32).reshape(-1, 4) * np.array([*FRAME_WH, *FRAME_WH])
            half = boxes[:, 2:] / 2
            xyxy = np.hstack([boxes[:, :2] - half, boxes[:, :2] + half]).astype(np.float32)
            # Ultralytics sorts the rows of a label file.
            order = np.argsort(image.labels.class_index)
            assert classes == image.labels.class_index[order].tolist()
            assert (np.diag(iou(xyxy, image.labels.xyxy[order])) > 0.99).all()


def _load_with_ultralytics(data_file: Path, tmp_path: Path) -> dict[str, Any]:
    """Load in a separate process and folder, with no access to the home folder or the network."""
    config, home = tmp_path / "config", tmp_path / "home"
    (config / "Ultralytics").mkdir(parents=True)
    home.mkdir()
    for font in ("Arial.ttf", "Arial.Unicode.ttf"):  # otherwise they would be downloaded
        (config / "Ultralytics" / font).touch()
    settings = {"YOLO_CONFIG_DIR": config, "HOME": home, "MPLCONFIGDIR": config}
    environment = {**os.environ, **{key: str(path) for key, path in settings.items()}}
    environment |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(data_file)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=home,
        env=environment,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    found: dict[str, Any] = json.loads(done.stdout.rpartition("FOUND")[2])
    return found
