from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from data.core.errors import InputError
from data.tables.dataset import label_path, read_labels
from data.tables.export import export_coco, export_label_studio
from tests.tracking.drawn_project import HEIGHT, NAMES, WIDTH, draw_project

Export = Callable[[Path, Path], int]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "a.fancam", train=3, val=2).dataset_folder


def test_coco_holds_every_label_and_image(dataset: Path, tmp_path: Path) -> None:
    archive = tmp_path / "out" / "coco.zip"
    assert export_coco(dataset, archive) == 5
    with zipfile.ZipFile(archive) as source:
        assert source.testzip() is None
        contents = {
            split: json.loads(source.read(f"annotations/instances_{split}.json"))
            for split in ("train", "val")
        }
        assert source.read("images/val/000.jpg") == (dataset / "images/val/000.jpg").read_bytes()
    numbers = [image["id"] for content in contents.values() for image in content["images"]]
    assert len(set(numbers)) == 5
    for split, content in contents.items():
        assert [category["name"] for category in content["categories"]] == list(NAMES)
        assert content["licenses"] == []  # only the user can license it
        for image in content["images"]:
            assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
            path = dataset / label_path(f"images/{split}/{image['file_name']}")
            truth = read_labels(path, (WIDTH, HEIGHT))
            own = [a for a in content["annotations"] if a["image_id"] == image["id"]]
            boxes = np.array([a["bbox"] for a in own])
            np.testing.assert_allclose(boxes[:, :2], truth.xyxy[:, :2], atol=0.01)
            np.testing.assert_allclose(boxes[:, :2] + boxes[:, 2:], truth.xyxy[:, 2:], atol=0.01)


def test_label_studio_tasks_are_in_percent(dataset: Path, tmp_path: Path) -> None:
    archive = tmp_path / "studio.zip"
    assert export_label_studio(dataset, archive) == 5
    with zipfile.ZipFile(archive) as source:
        tasks = json.loads(source.read("tasks.json"))
        config = ElementTree.fromstring(source.read("label_config.xml"))
        entries = set(source.namelist())
    assert [label.get("value") for label in config.iter("Label")] == list(NAMES)
    assert len(tasks) == 5
    for task in tasks:
        image = task["data"]["image"].removeprefix("/data/local-files/?d=")
        assert image in entries
        truth = read_labels(dataset / label_path(image), (WIDTH, HEIGHT))
        (annotation,) = task["annotations"]
        for result, box in zip(annotation["result"], truth.xyxy, strict=True):
            assert result["value"]["x"] == pytest.approx(100 * box[0] / WIDTH)
            assert result["value"]["height"] == pytest.approx(100 * (box[3] - box[1]) / HEIGHT)
            assert result["value"]["rectanglelabels"][0] in NAMES


@pytest.mark.parametrize("export", [export_coco, export_label_studio])
def test_the_same_dataset_gives_the_same_bytes(
    dataset: Path, tmp_path: Path, export: Export
) -> None:
    export(dataset, tmp_path / "1.zip")
    export(dataset, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


@pytest.mark.parametrize("export", [export_coco, export_label_studio])
def test_no_dataset(tmp_path: Path, export: Export) -> None:
    with pytest.raises(InputError, match="no dataset to export; run cluster-faces first"):
        export(tmp_path / "dataset", tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []
