from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data.core.errors import InputError
from tests.tracking.drawn_project import NAMES, draw_project
from tracking.detection.ultralytics_env import set_ultralytics_offline
from tracking.detection.weights import StartingPoint, Weights, load_weights
from tracking.training.examples import Examples, read_examples

SIZE = 96  # px; small enough for a test


class RecordingBar:
    """Bar that records its updates."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.texts: list[str] = []

    def __call__(self, total: int, done: int) -> AbstractContextManager[RecordingBar]:
        self.total, self.done = total, done
        return nullcontext(self)

    def update(self, n: int) -> None:
        self.done += n

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        del refresh
        self.texts.append(s)


class Killed(BaseException):
    """Exception that ends a training immediately."""


@pytest.fixture(scope="module", autouse=True)
def _warnings_of_torch() -> Iterator[None]:
    set_ultralytics_offline()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tracking.training.trainer  # noqa: F401

        yield


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    project = draw_project(tmp_path_factory.mktemp("drawn") / "a.fancam")
    return read_examples(project.dataset_folder)


@pytest.fixture(scope="module")
def start() -> StartingPoint:
    return load_weights(Weights("yolo11n.yaml", "key"))


def train(
    folder: Path, examples: Examples, start: StartingPoint, *, epochs: int = 2, **options: Any
) -> Any:
    from tracking.training.plan import DetectorTraining, plan_training
    from tracking.training.trainer import train as train_network

    folder.mkdir(exist_ok=True)
    bar = options.pop("bar", None)
    settings = DetectorTraining(epochs=epochs, imgsz=SIZE, device="cpu", **options)
    splits = (examples.train, examples.val)
    return train_network(plan_training(folder, examples.names, splits, start, settings, bar=bar))


def weights_of(file: Path) -> dict[str, Any]:
    from tracking.detection.weights import network_of, read_checkpoint

    return dict(network_of(read_checkpoint(file), file).state_dict())


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(bool((a[key] == b[key]).all()) for key in a)


def test_a_seed_gives_the_same_network_again(
    examples: Examples, start: StartingPoint, tmp_path: Path
) -> None:
    trained = [
        train(tmp_path / str(n), examples, start, epochs=1, seed=seed)
        for n, seed in enumerate((1, 1, 2))
    ]
    first, again, other = (weights_of(t.file) for t in trained)
    assert same(first, again)
    assert not same(first, other)


def test_a_killed_training_is_resumed(
    examples: Examples, start: StartingPoint, tmp_path: Path
) -> None:
    class Killing(RecordingBar):
        def set_postfix_str(self, s: str, refresh: bool = True) -> None:
            if s.startswith("epoch 2/3"):
                raise Killed
            super().set_postfix_str(s, refresh)

    with pytest.raises(Killed):
        train(tmp_path, examples, start, epochs=3, bar=Killing())
    bar = RecordingBar()
    trained = train(tmp_path, examples, start, epochs=3, bar=bar)
    assert (trained.epochs, trained.planned_epochs) == (3, 3)
    assert len(trained.history.found) == len(trained.history.val_loss) == 3
    assert bar.texts[0].startswith("epoch 2/3")
    assert bar.done == bar.total == 6  # 16 images, 8 per batch, 3 epochs
    rows = (tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


def test_a_training_killed_after_its_last_epoch_finishes(
    examples: Examples, start: StartingPoint, tmp_path: Path
) -> None:
    train(tmp_path, examples, start)
    trained = train(tmp_path, examples, start)
    assert trained.epochs == 2
    assert len(trained.validation) == len(examples.val)


def test_a_damaged_checkpoint_restarts_the_training(
    examples: Examples, start: StartingPoint, tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes(b"half of")
    bar = RecordingBar()
    assert train(tmp_path, examples, start, bar=bar).epochs == 2
    assert bar.texts[0].startswith("epoch 1/2")


def test_validation_detections_come_with_labels(
    examples: Examples, start: StartingPoint, tmp_path: Path
) -> None:
    threads = cv2.getNumThreads()
    before = {k: v.clone() for k, v in start.network.state_dict().items()}
    trained = train(tmp_path, examples, start)
    assert [sorted(image.label_class.tolist()) for image in trained.validation] == [[0, 1]] * 6
    assert trained.ap50.shape == trained.ap50_95.shape == (2,)
    assert not np.isnan(trained.ap50).any()
    assert cv2.getNumThreads() == threads
    assert same(before, start.network.state_dict())


def test_a_written_network_holds_no_training_history(
    examples: Examples, start: StartingPoint, tmp_path: Path
) -> None:
    import zipfile

    from tracking.detection.weights import read_checkpoint
    from tracking.training.checkpoint import write_network

    trained = train(tmp_path / "run", examples, start)
    metadata = {"person_id": [10, 20]}
    write_network(trained.file, tmp_path / "best.pt", imgsz=trained.imgsz, metadata=metadata)
    checkpoint = read_checkpoint(tmp_path / "best.pt")
    assert checkpoint["fancam"] == {"person_id": [10, 20]}
    assert dict(checkpoint["model"].names) == dict(enumerate(NAMES))
    with zipfile.ZipFile(tmp_path / "best.pt") as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        content = archive.read(pickled)
    for text in (str(tmp_path), str(Path.home()), "branch", "save_dir"):
        assert text.encode() not in content


def test_portrait_and_landscape_fit_one_shape(examples: Examples) -> None:
    import dataclasses

    from ultralytics.cfg import get_cfg

    from tracking.training.ultralytics_dataset import ExampleDataset

    def shape(*sizes: tuple[int, int]) -> list[int]:
        shown = [dataclasses.replace(examples.train[0], frame_wh=size) for size in sizes]
        options = {"data": {"channels": 3}, "hyp": get_cfg(), "rect": True, "pad": 0.0}
        images = ExampleDataset(shown, imgsz=320, batch_size=8, stride=32, task="detect", **options)
        found: list[int] = images.batch_shapes[images.batch[0]].tolist()
        return found

    assert shape((640, 360)) == [192, 320]
    assert shape((640, 360), (1920, 1080)) == [192, 320]
    assert shape((640, 360), (360, 640)) == [320, 320]


@pytest.mark.parametrize("device", ["cuda:9", "mps"], ids=str)
def test_a_missing_device(device: str) -> None:
    from tracking.detection.devices import resolve_device

    if device == "mps":
        import torch

        if torch.backends.mps.is_available():
            pytest.skip("this machine has it")
    with pytest.raises(InputError, match="has no such device"):
        resolve_device(device)


def test_auto_is_an_available_device() -> None:
    from tracking.detection.devices import resolve_device

    assert resolve_device(resolve_device("auto")) == resolve_device("auto")
