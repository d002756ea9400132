from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.errors import InputError
from data.inference.runtime import RuntimeName, available_runtimes
from tracking.detection import export
from tracking.detection.export import (
    ModelMetadata,
    as_module,
    exported_model,
    load_network,
    people_of_classes,
)
from tracking.detection.networks import CPU_BATCH, CpuNetwork, TorchNetwork, load_yolo
from tracking.detection.ultralytics_env import set_ultralytics_offline

NAMES = ("Zoë, the 1st", "Ben")


def write_weights(path: Path, **content: Any) -> Path:
    """Write an untrained detector."""
    set_ultralytics_offline()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network: Any = DetectionModel("yolo11n.yaml", nc=len(NAMES), verbose=False)  # type: ignore[no-untyped-call]
    network.names = dict(enumerate(NAMES))
    kept = {"model": network.half(), "train_args": {"imgsz": 96}, "fancam": {"person_id": [4, 2]}}
    torch.save(kept | content, path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("tracker") / "best.pt")


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, 64, 96, 3), np.uint8)


def test_facts(weights: Path) -> None:
    metadata = exported_model(weights).metadata
    assert (metadata.names, metadata.person_id, metadata.image_px) == (NAMES, (4, 2), 96)


@pytest.mark.parametrize("runtime", available_runtimes())
@pytest.mark.parametrize("count", [1, CPU_BATCH, CPU_BATCH + 1])
def test_every_runtime_gives_the_output_of_torch(
    weights: Path, runtime: RuntimeName, count: int
) -> None:
    import torch

    model = exported_model(weights)
    images = pictures(count)
    said = CpuNetwork(model.graph, runtime=runtime, threads=1)(images)
    network, _ = load_network(weights, model.metadata.key)
    with torch.inference_mode():
        expected = as_module(network)(torch.from_numpy(images)).numpy()
    assert said.shape == expected.shape == (count, 4 + len(NAMES), 126)
    assert np.abs(said[:, 4:] - expected[:, 4:]).max() < 0.02  # bfloat16 where supported
    assert np.abs(said[:, :4] - expected[:, :4]).max() < 2.0


def test_half_precision(weights: Path) -> None:
    images = pictures(2)
    model = exported_model(weights)
    exact = CpuNetwork(model.graph, runtime="auto", threads=1)(images)
    network, _ = load_network(weights, model.metadata.key)
    said = TorchNetwork(as_module(network), "cpu")(images)
    assert said.dtype == np.float32
    assert np.abs(said[:, 4:] - exact[:, 4:]).max() < 0.02
    assert np.abs(said[:, :4] - exact[:, :4]).max() < 2.0


def test_second_time_reads_the_cache(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = exported_model(weights)
    monkeypatch.setattr(export, "export", lambda *_: pytest.fail("exported again"))
    assert exported_model(weights) == first


@pytest.mark.parametrize("damage", ["best.onnx", "best.onnx.json"])
def test_damaged_graph_is_exported_again(weights: Path, damage: str) -> None:
    first = exported_model(weights)
    weights.with_name(damage).write_bytes(b"{")
    assert exported_model(weights).metadata == first.metadata
    assert weights.with_name("best.onnx").read_bytes() == exported_model(weights).graph


def test_new_weights_have_a_new_graph(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "best.pt")
    first = exported_model(path)
    write_weights(path, fancam={"person_id": [2, 4]})
    second = exported_model(path)
    assert second.metadata.key != first.metadata.key
    assert second.metadata.person_id == (2, 4)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no detector yet; run train-tracker first"):
        exported_model(tmp_path / "best.pt")


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"PK\3\4"])
def test_damaged_weights(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="run train-tracker again"):
        exported_model(path)


def test_missing_gpu(weights: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="--device cuda"):
        load_yolo(weights, device="cuda")


@pytest.mark.parametrize(
    ("person_id", "people", "expected"),
    [
        ((4, 2), {2: "Ben", 4: "Zoë"}, (4, 2)),
        ((4, 2), {2: "Renamed since", 4: "Zoë", 7: "Ben"}, (4, 2)),
        ((), {2: "Ben", 4: NAMES[0]}, (4, 2)),
    ],
    ids=["by number", "renamed", "by name"],
)
def test_people(person_id: tuple[int, ...], people: dict[int, str], expected: object) -> None:
    metadata = ModelMetadata(NAMES, person_id, 96, "key")
    assert people_of_classes(Path("best.pt"), metadata, people) == expected


@pytest.mark.parametrize("person_id", [(4, 9), ()], ids=["by number", "by name"])
def test_trained_for_other_people(person_id: tuple[int, ...]) -> None:
    metadata = ModelMetadata(NAMES, person_id, 96, "key")
    with pytest.raises(InputError, match="trained for 'Ben', who is not in this project"):
        people_of_classes(Path("best.pt"), metadata, {4: NAMES[0]})
