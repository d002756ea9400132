from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from data.tables.dataset import ImageLabels
from tests.tracking.drawn_project import NAMES, draw_project
from tracking.training.examples import Example, read_examples, repeats, subset


def example(*people: int, name: str = "a") -> Example:
    boxes = np.tile(np.array([[0, 0, 9, 9]], np.float32), (len(people), 1))
    return Example(Path(f"{name}.jpg"), (64, 36), ImageLabels(np.array(people, np.int64), boxes))


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([[]], [1], id="background"),
        pytest.param([[0], [0], [1], [1]], [1, 1, 1, 1], id="even"),
        # Person 1 on a quarter of person 0's images: sqrt(4) times each.
        pytest.param([[0]] * 4 + [[1]], [1, 1, 1, 1, 2], id="rare"),
        pytest.param([[0]] * 3 + [[0, 1], []], [1, 1, 1, 2, 1], id="rare next to a common one"),
        pytest.param([[0]] * 100 + [[1]], [1] * 100 + [4], id="very rare: at most four times"),
    ],
)
def test_rare_people_are_sampled_more_often(images: list[list[int]], expected: list[int]) -> None:
    found = repeats([example(*people) for people in images], 2, seed=0)
    assert found.tolist() == expected


def test_a_fractional_repeat_is_a_probability() -> None:
    images = [example(0)] * 200 + [example(1)] * 100  # sqrt(2) times
    found = repeats(images, 2, seed=3)
    assert found[:200].tolist() == [1] * 200
    assert 1.3 < found[200:].mean() < 1.55
    assert found.tolist() == repeats(images, 2, seed=3).tolist()


def test_subsets_are_nested_and_have_all_people() -> None:
    images = [example(i % 3 if i else 5, name=str(i)) for i in range(40)]
    found = [subset(images, share, seed=0) for share in (0.12, 0.25, 0.5, 1.0)]
    for small, large in pairwise(found):
        assert {e.path for e in small} - {images[0].path} <= {e.path for e in large}
    assert [len(s) for s in found[2:]] == [pytest.approx(20, abs=1), 40]
    for chosen in found:
        assert {int(c) for e in chosen for c in e.labels.class_index} == {0, 1, 2, 5}


def test_round_trip(tmp_path: Path) -> None:
    project = draw_project(tmp_path / "a.fancam", train=3, val=2)
    found = read_examples(project.dataset_folder)
    assert found.names == NAMES
    assert [len(found.train), len(found.val)] == [3, 2]
    assert found.faces(found.train).tolist() == [3, 3]
    assert found.train[0].frame_wh == (128, 96)


def test_the_key_is_of_the_content(tmp_path: Path) -> None:
    project = draw_project(tmp_path / "a.fancam", train=3, val=2)
    key = read_examples(project.dataset_folder).key
    shutil.copytree(project.dataset_folder, tmp_path / "b.fancam/dataset")
    assert read_examples(tmp_path / "b.fancam/dataset").key == key
    label = project.dataset_folder / "labels/train/000.txt"
    label.write_text("0 0.5 0.5 0.2 0.2\n", encoding="utf-8")
    assert read_examples(project.dataset_folder).key != key


def _nothing(_: Path) -> None:
    pass


def _no_data_file(dataset: Path) -> None:
    (dataset / "data.yaml").unlink()


def _no_images(dataset: Path) -> None:
    shutil.rmtree(dataset / "images/train")


def _no_val(dataset: Path) -> None:
    shutil.rmtree(dataset / "images/val")


def _unlabelled_val(dataset: Path) -> None:
    shutil.rmtree(dataset / "labels/val")


def _unknown_class(dataset: Path) -> None:
    (dataset / "labels/train/000.txt").write_text("7 0.5 0.5 0.2 0.2\n", encoding="utf-8")


def _bad_label(dataset: Path) -> None:
    (dataset / "labels/train/000.txt").write_text("0 0.5\n", encoding="utf-8")


def _bad_image(dataset: Path) -> None:
    (dataset / "images/train/000.jpg").write_bytes(b"no image")


def _bad_data_file(dataset: Path) -> None:
    (dataset / "data.yaml").write_text("train: [", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "names", "message"),
    [
        pytest.param(_no_data_file, NAMES, "no dataset to train on; run cluster-faces", id="none"),
        pytest.param(_bad_data_file, NAMES, "not a YOLO dataset", id="not yaml"),
        pytest.param(_no_images, NAMES, "no images to train on", id="no images"),
        pytest.param(_no_val, NAMES, "no images to validate on", id="no val"),
        pytest.param(_unlabelled_val, NAMES, "no faces to validate on", id="no person in val"),
        pytest.param(
            _nothing,
            ("Anna",),
            "only one person has training images, but training needs two people",
            id="one person",
        ),
        pytest.param(_unknown_class, NAMES, "class 7 in it", id="unknown class"),
        pytest.param(_bad_label, NAMES, "not a label file", id="damaged label"),
        pytest.param(_bad_image, NAMES, "not a picture", id="damaged image"),
    ],
)
def test_bad_datasets(
    spoil: Callable[[Path], None], names: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    project = draw_project(tmp_path / "a.fancam", train=2, val=1, names=names)
    spoil(project.dataset_folder)
    with pytest.raises(InputError, match=message) as caught:
        read_examples(project.dataset_folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("of_pictures", "advice"),
    [
        (False, "add footage, or examine more frames with a smaller cluster-faces --every"),
        (True, "add pictures"),
    ],
)
def test_advice_for_a_small_dataset(of_pictures: bool, advice: str, tmp_path: Path) -> None:
    project = draw_project(tmp_path / "a.fancam", train=2, val=1)
    _no_val(project.dataset_folder)
    with pytest.raises(InputError) as caught:
        read_examples(project.dataset_folder, of_pictures=of_pictures)
    assert str(caught.value).endswith(f": no images to validate on; {advice}")
