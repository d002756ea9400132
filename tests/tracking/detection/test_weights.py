from __future__ import annotations

import os
import pickle
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from data.core.errors import InputError
from tracking.detection import weights
from tracking.detection.ultralytics_env import set_ultralytics_offline
from tracking.detection.weights import Weights, find_weights, load_weights


@pytest.fixture(autouse=True)
def _ultralytics_offline() -> None:
    set_ultralytics_offline()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("FANCAM_OFFLINE")


def _found(weights: str) -> Weights:
    return find_weights(weights, offline=True, say=print)


def _offline(*_: object, **__: object) -> None:
    raise URLError("no route to host")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        pytest.param("missing.pt", "missing.pt: no such file", id="missing"),
        pytest.param("weights.onnx", "neither weights", id="another format"),
        pytest.param("yolo11n.pt", "the download failed .no route to host.", id="offline"),
        pytest.param("yolo11n-seg.pt", "no such file", id="not for detection"),
    ],
)
def test_weights_that_are_not_available(
    weights: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", _offline)
    with pytest.raises(InputError, match=message) as caught:
        find_weights(weights, offline=False, say=print)
    assert "--weights FILE" in str(caught.value)
    assert "--weights yolo11n.yaml" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_official_weights_are_downloaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(address: str, **_: object) -> Any:
        asked.append(address)
        return Path(os.devnull).open("rb")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", fetch)
    said: list[str] = []
    first = find_weights("yolo11n.pt", offline=False, say=said.append)
    assert find_weights("yolo11n.pt", offline=True, say=said.append) == first
    assert first.source == str(tmp_path / "cache" / "weights" / "yolo11n.pt")
    assert said == [f"fetching yolo11n.pt from {asked[0]}"]
    assert len(asked) == 1
    assert asked[0].startswith("https://github.com/ultralytics/assets/")


def test_no_download_where_it_is_forbidden() -> None:
    with pytest.raises(InputError, match="forbids the download; give --weights FILE"):
        _found("yolo11n.pt")


def test_the_key_is_of_the_content(tmp_path: Path) -> None:
    for name, content in (("a.pt", b"1"), ("b.pt", b"1"), ("c.pt", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (_found(str(tmp_path / f"{n}.pt")).key for n in "abc")
    assert a == b != c


class _Harm:
    """A pickle that runs code when it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.place),)


def _truncated(file: Path) -> None:
    import torch

    torch.save({"model": None}, file)
    file.write_bytes(file.read_bytes()[:100])


def _harmful(file: Path) -> None:
    import torch

    torch.save({"model": _Harm(file.parent / "harm")}, file)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.write_bytes(b"no weights" * 100), id="something else"),
        pytest.param(_truncated, id="truncated"),
        pytest.param(_harmful, id="harmful"),
        pytest.param(
            lambda file: file.write_bytes(pickle.dumps(_Harm(file.parent / "harm"))),
            id="harmful, old format",
        ),
        pytest.param(lambda file: file.write_bytes(pickle.dumps({"model": 1})), id="no network"),
    ],
)
def test_damaged_or_harmful_weights(write: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "bad.pt"
    write(file)
    with pytest.raises(
        InputError, match=r"bad\.pt: (not readable as YOLO|no YOLO detector)"
    ) as caught:
        load_weights(Weights(str(file), "key"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "name", ["yolo99z.yaml", "yolo11n-seg.yaml"], ids=["unknown", "no detector"]
)
def test_architectures_that_cannot_be_trained(name: str) -> None:
    with pytest.raises(InputError, match="no such detector architecture"):
        load_weights(Weights(name, name))


def test_from_scratch() -> None:
    start = load_weights(_found("yolo11n.yaml"))
    assert not start.trained


def test_yolov5_in_ultralytics_format(shared: Path) -> None:
    start = load_weights(_found(str(shared / "weights/yolov5n_coco_body.pt")))
    assert start.trained
