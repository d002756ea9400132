from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest

from data.core.errors import InputError
from data.storage.shown import shown
from data.video.frames import Frame
from tracking.detection import weights
from tracking.detection.body_detector import load_body_detector
from tracking.detection.body_weights import find_body_model
from tracking.detection.ultralytics_env import set_ultralytics_offline


def _offline(*_: object, **__: object) -> None:
    raise URLError("no route to host")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_ultralytics_offline()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", _offline)
    monkeypatch.setattr(weights, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("FANCAM_OFFLINE")


def write_weights(file: Path, names: dict[int, str]) -> None:
    """Write an untrained YOLO detector with these classes."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    network: Any = DetectionModel("yolo11n.yaml", nc=len(names), verbose=False)  # type: ignore[no-untyped-call]
    network.names = names
    torch.save({"model": network.half(), "train_args": {"imgsz": 320}}, file)


def another_task(file: Path) -> None:
    import torch
    from ultralytics.nn.tasks import ClassificationModel

    network: Any = ClassificationModel("yolo11n-cls.yaml", nc=2, verbose=False)  # type: ignore[no-untyped-call]
    torch.save({"model": network, "train_args": {}}, file)


def without_person(file: Path) -> None:
    write_weights(file, {0: "cat", 1: "dog"})


def damaged(file: Path) -> None:
    file.write_bytes(b"no weights")


def missing(file: Path) -> None:
    del file


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (another_task, "not a YOLO detector that can be read; give --body-weights FILE"),
        (without_person, 'it has no class "person"'),
        (damaged, "not a YOLO detector that can be read; give --body-weights FILE"),
        (missing, "no such file"),
    ],
)
def test_unusable_weights_are_one_line(
    spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    spoil(tmp_path / "own.pt")
    with pytest.raises(InputError, match=message) as caught:
        find_body_model("own.pt", tmp_path / "weights", offline=True, say=print)
    assert str(caught.value).startswith("own.pt: ")
    assert str(caught.value).endswith("give --body-weights FILE, such as yolo11n.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "no OpenVINO model exported by ultralytics in it"),
        ("task: segment\nnames: {0: person}\n", "does not detect objects"),
        ("task: detect\nnames: {0: cat}\n", 'no class "person"'),
        ("task: [\n", "not readable"),
        ("7\n", "does not detect objects"),
    ],
)
def test_unusable_folders(metadata: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.xml").touch()
    (tmp_path / "model" / "a.bin").touch()
    if metadata is not None:
        (tmp_path / "model" / "metadata.yaml").write_text(metadata, "utf-8")
    with pytest.raises(InputError, match=message):
        find_body_model("model", tmp_path, offline=True, say=print)


def test_a_model_without_its_values(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.xml").touch()
    (tmp_path / "model" / "metadata.yaml").write_text("task: detect\n", "utf-8")
    with pytest.raises(InputError, match=r"model: a\.bin is missing; give --body-weights FILE"):
        find_body_model("model", tmp_path, offline=True, say=print)


def test_another_kind_of_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither weights"):
        find_body_model("own.onnx", tmp_path, offline=True, say=print)


@pytest.mark.parametrize(
    ("offline", "reason"), [(True, "forbids the download"), (False, "no route to host")]
)
def test_without_the_default_weights_faces_are_followed(
    offline: bool, reason: str, tmp_path: Path
) -> None:
    found = find_body_model(None, tmp_path / "weights", offline=offline, say=print)
    assert found.model is None
    assert found.note.startswith("tracking faces only: yolo11n.pt")
    assert reason in found.note
    assert "\n" not in found.note
    assert find_body_model("none", tmp_path, offline=offline, say=print).note == ""


@pytest.mark.parametrize("place", ["cache/weights", "."])
@pytest.mark.parametrize("spoil", [damaged, another_task, without_person])
def test_default_weights_that_cannot_be_used_are_to_be_deleted(
    spoil: Callable[[Path], None], place: str, tmp_path: Path
) -> None:
    file = Path(place, "yolo11n.pt")
    file.parent.mkdir(parents=True, exist_ok=True)
    spoil(file)
    note = find_body_model(None, tmp_path / "weights", offline=True, say=print).note
    named = shown(tmp_path / file) if place != "." else "yolo11n.pt"
    assert note.startswith(f"tracking faces only: {named}: ")
    advice = "delete it to download it again, or give another file with --body-weights"
    assert note.endswith(f"; {advice}")
    file.unlink()
    note = find_body_model(None, tmp_path / "weights", offline=True, say=print).note
    advice = "copy it into the current folder, or give another file with --body-weights"
    assert note.endswith(f"; {advice}")


def test_default_weights_that_are_not_needed_are_not_downloaded(tmp_path: Path) -> None:
    """A trained detector follows faces without them."""
    found = find_body_model(None, tmp_path, offline=False, say=pytest.fail, needed=False)
    advice = "track-people --body-weights yolo11n.pt downloads it"
    assert found.note == f"tracking faces only: yolo11n.pt is missing; {advice}"


def test_default_weights_at_hand_are_converted_once(tmp_path: Path) -> None:
    folder, cached = tmp_path / "weights", tmp_path / "cache" / "weights" / "yolo11n.pt"
    cached.parent.mkdir(parents=True)
    write_weights(cached, {0: "cat", 1: "person"})
    model = find_body_model(None, folder, offline=True, say=print).model
    assert model is not None
    assert (model.person, model.image_px) == (1, 320)
    first = model.graph.stat().st_mtime_ns
    assert find_body_model(None, folder, offline=True, say=print).model == model
    assert model.graph.stat().st_mtime_ns == first
    shutil.copy(cached, tmp_path / "own.pt")
    assert find_body_model("own.pt", folder, offline=True, say=print).model == model
    detector = load_body_detector(model, runtime="auto", threads=1)
    image = np.zeros((90, 160, 3), np.uint8)
    found = detector([Frame(0, 0.0, image), Frame(1, 0.1, image)])
    assert found.motion.shape == (2, 2, 3)


def test_bodies_of_real_people(shared: Path, tmp_path: Path) -> None:
    """A talk show: men who sit behind a desk. The model is copied for other machines, once."""
    from data.video.footage import probe
    from data.video.reader import read_frames

    source = str(shared / "weights" / "yolo11n_int8_openvino_model")
    model = find_body_model(source, tmp_path / "weights", offline=True, say=print).model
    assert model is not None
    assert model.graph.parent == tmp_path / "weights"
    written = {file: file.stat().st_mtime_ns for file in model.graph.parent.iterdir()}
    assert find_body_model(source, tmp_path / "weights", offline=True, say=print).model == model
    assert {file: file.stat().st_mtime_ns for file in model.graph.parent.iterdir()} == written
    detector = load_body_detector(model, runtime="auto", threads=1)
    frames = read_frames(probe(shared / "footage" / "talkshow_a.mp4"), threads=1)
    found = detector([next(frames), next(frames)])
    frames.close()
    assert set(found.bodies.frame_index[found.bodies.score > 0.5].tolist()) == {0, 1}
