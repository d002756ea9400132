from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from clustering.faces.networks import graph_cache
from clustering.faces.networks.dlib_weights import DETECTOR_FILE, EMBEDDER_FILE
from clustering.faces.networks.graph_cache import converted, load_network
from data.core.errors import InputError
from data.inference import runtime
from data.inference.dlib_models import model_file
from data.inference.runtime import RuntimeName, available_runtimes
from tests.clustering.parity import RUNTIMES, network


@pytest.mark.parametrize("name", RUNTIMES)
def test_runtimes_agree(name: RuntimeName) -> None:
    tiles = np.random.default_rng(0).normal(size=(1, 3, 120, 150)).astype(np.float32)
    before = tiles.copy()
    scores = network("detector", name)(tiles)
    assert np.array_equal(tiles, before)
    assert scores.shape == (1, 1, 12, 16)
    assert np.abs(scores - network("detector", "onnxruntime")(tiles)).max() < 1e-4


@pytest.mark.parametrize("name", RUNTIMES)
def test_results_are_not_overwritten_by_the_next_call(name: RuntimeName) -> None:
    chips = np.random.default_rng(1).integers(0, 256, (2, 150, 150, 3), np.uint8)
    first = network("embedder", name)(chips)
    kept = first.copy()
    network("embedder", name)(255 - chips)
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("name", RUNTIMES)
def test_threads(name: RuntimeName, tmp_path: Path) -> None:
    network("detector", name)  # skips where the runtime is missing
    tiles = np.zeros((1, 3, 60, 60), np.float32)
    one = load_network("detector", runtime=name, threads=1, cache=tmp_path)(tiles)
    assert np.allclose(one, network("detector", name)(tiles), atol=1e-5)


def test_second_load_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = model_file(DETECTOR_FILE)
    first = converted("detector", weights, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith(f"detector-v{graph_cache.FORMAT_VERSION}-")
    monkeypatch.setattr(graph_cache, "_convert", lambda *_: pytest.fail("converted again"))
    assert converted("detector", weights, tmp_path) == first


@pytest.mark.parametrize("damage", [b"", b"x", b"x" * 1000], ids=["empty", "one", "foreign"])
def test_damaged_cache_is_rebuilt(tmp_path: Path, damage: bytes) -> None:
    weights = model_file(DETECTOR_FILE)
    first = converted("detector", weights, tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert converted("detector", weights, tmp_path) == first
    assert kept.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [kept]


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    graph = converted("detector", model_file(DETECTOR_FILE), blocked / "fancam")
    assert graph == converted("detector", model_file(DETECTOR_FILE), tmp_path / "cache")


def test_disk_full_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert converted("detector", model_file(DETECTOR_FILE), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_different_weights_get_different_files(tmp_path: Path) -> None:
    converted("detector", model_file(DETECTOR_FILE), tmp_path)
    converted("embedder", model_file(EMBEDDER_FILE), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_of_the_other_network(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"not dlib's detector network .*; pip install --force-reinstall"
    ):
        converted("detector", model_file(EMBEDDER_FILE), tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"no network"], ids=["missing", "empty", "text"])
def test_foreign_weights(tmp_path: Path, content: bytes | None) -> None:
    weights = tmp_path / "weights.dat"
    if content is not None:
        weights.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.dat.*pip install"):
        load_network("detector", weights=weights, cache=tmp_path)


def test_no_runtime_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert available_runtimes() == []
    with pytest.raises(InputError, match="pip install onnxruntime"):
        load_network("detector")


def test_chosen_runtime_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "available_runtimes", lambda: ["onnxruntime"])
    with pytest.raises(InputError, match="pip install openvino"):
        load_network("detector", runtime="openvino")


def test_negative_threads() -> None:
    with pytest.raises(ValueError, match="threads"):
        load_network("detector", threads=-1)
