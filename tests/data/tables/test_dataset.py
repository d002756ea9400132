from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.atomic import write_text
from data.core.boxes import as_boxes
from data.core.errors import InputError
from data.tables.dataset import (
    DatasetFile,
    ImageLabels,
    format_data_file,
    format_labels,
    label_path,
    parse_labels,
    read_data_file,
    read_labels,
)

NAMES = (
    "Person 1",
    'O\'Brien: "the" boss',
    "Zoë 🙂 名",
    "yes",
    "null",
    "1e3",
    "- dash # hash",
    " spaced ",
    "line\nbreak\u2028\x85\x7f\\",
    "{a: [b]}",
    "x" * 300,
)


@pytest.mark.parametrize(
    ("classes", "xyxy", "text"),
    [
        pytest.param([], [], "", id="empty"),
        pytest.param([3], [[0, 0, 100, 50]], "3 0.500000 0.500000 1.000000 1.000000\n", id="whole"),
        pytest.param(
            [0, 1],
            [[10, 10, 30, 20], [-10, 40, 10, 60]],
            "0 0.200000 0.300000 0.200000 0.200000\n1 0.050000 0.900000 0.100000 0.200000\n",
            id="two, one over the edge",
        ),
    ],
)
def test_label_lines(classes: list[int], xyxy: list[list[float]], text: str) -> None:
    labels = ImageLabels(np.array(classes, np.int64), as_boxes(xyxy))
    assert format_labels(labels, (100, 50)) == text


def test_labels_come_back() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (200, 2, 2)) * (3840, 2160)
    xyxy = np.hstack([corners.min(axis=1), corners.max(axis=1)]).astype(np.float32)
    labels = ImageLabels(rng.integers(0, 9, 200), xyxy)
    again = parse_labels(format_labels(labels, (3840, 2160)), (3840, 2160))
    assert np.array_equal(again.class_index, labels.class_index)
    assert np.abs(again.xyxy - xyxy).max() < 0.01


@pytest.mark.parametrize(
    "line", ["0 0.5 0.5 0.1", "a 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1 nan", "-1 0 0 0 0", "0.5 0 0 0 0"]
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.txt").write_text(f"0 0.5 0.5 0.1 0.1\n\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3 must be"):
        read_labels(tmp_path / "x.txt", (10, 10))


def test_missing_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a label file"):
        read_labels(tmp_path / "x.txt", (10, 10))


def test_label_path() -> None:
    assert label_path("images/train/a.b-1.jpg") == "labels/train/a.b-1.txt"
    assert label_path("images/images/train/x.jpg") == "images/labels/train/x.txt"
    with pytest.raises(ValueError, match="images"):
        label_path("train/x.jpg")


def test_data_file_comes_back(tmp_path: Path) -> None:
    content = DatasetFile("images/train", "images/val", NAMES)
    write_text(tmp_path / "data.yaml", format_data_file(content))
    assert read_data_file(tmp_path / "data.yaml") == content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train: t\nval: v\nnames: [x, 2]\n", DatasetFile("t", "v", ("x", "2"))),
        ("path: /d\ntrain: t\nval: v\nnames: {0: x}\n", DatasetFile("/d/t", "/d/v", ("x",))),
        ("path: d\ntrain: t\nval: v\nnames: {1: y, 0: x}\n", DatasetFile("d/t", "d/v", ("x", "y"))),
    ],
    ids=["list", "absolute path", "relative path"],
)
def test_data_files_of_other_tools(tmp_path: Path, text: str, expected: DatasetFile) -> None:
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert read_data_file(tmp_path / "data.yaml") == expected


@pytest.mark.parametrize(
    "text",
    ["", "just text", "a: [", "train: x\nval: y\n", "train: x\nval: y\nnames: {1: a}\n", "\0"],
)
def test_a_damaged_data_file_is_one_error_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="not a YOLO dataset") as caught:
        read_data_file(tmp_path / "data.yaml")
    assert "\n" not in str(caught.value)
