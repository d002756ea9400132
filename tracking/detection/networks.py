"""A trained YOLO, ready to run: on the CPU in the fastest runtime, on a GPU in half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.inference.runtime import Network, RuntimeName, runtime_named
from tracking.detection.detector import YoloNetwork
from tracking.detection.export import ModelFacts, exported_model, load_network, with_fixed_size

DeviceName: TypeAlias = Literal["auto", "cpu", "cuda"]
CPU_BATCH: Final = 4
GPU_BATCH: Final = 32


class CpuNetwork:
    """A graph started for each size of batch that comes, a smaller last one padded.

    Measured on two cores with bfloat16 (YOLOv5n at 416x256, processor time a frame): OpenVINO in
    bfloat16 7.7 ms, ONNX Runtime 11.5 ms, OpenVINO in float32 13.2 ms, torch over 60 ms. In
    bfloat16 the scores differ by 0.013 at most and the boxes by 0.6 px. Batches of 4 take 0.8
    times as long as single frames, larger ones no less.
    """

    def __init__(self, graph: bytes, *, runtime: RuntimeName, threads: int) -> None:
        """Take the graph; nothing starts yet."""
        self._graph, self._threads = graph, threads
        self._start = runtime_named(runtime, exact=False)
        self._started: dict[tuple[int, ...], Network] = {}

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run it: see `tracking.detection.export.ExportedModel`."""
        count, height, width, _ = images.shape
        size = (max(count, CPU_BATCH), height, width)
        if size not in self._started:
            graph = with_fixed_size(self._graph, batch=size[0], height=height, width=width)
            self._started[size] = self._start(graph, self._threads)
        padding = [(0, size[0] - count), (0, 0), (0, 0), (0, 0)]
        return self._started[size](np.pad(images, padding))[:count].copy()


class TorchNetwork:
    """The network in torch on a GPU, in half precision."""

    def __init__(self, module: Any, device: str) -> None:
        """Move ``module``, bytes in and one tensor out, to ``device``."""
        self._module = module.half().to(device)
        self._device = device

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run it: see `tracking.detection.export.ExportedModel`."""
        import torch

        with torch.inference_mode():
            found = self._module(torch.from_numpy(images).to(self._device, non_blocking=True))
            return np.asarray(found.float().cpu().numpy(), np.float32)


def load_yolo(
    weights: Path, *, device: DeviceName, runtime: RuntimeName = "auto", threads: int = 0
) -> tuple[YoloNetwork, ModelFacts, int]:
    """The network, what to know of it, and the batch it runs best with.

    Raises:
        InputError: no such weights or device, or a runtime that is not installed.
    """
    chosen = _device(device)
    model = exported_model(weights)
    if chosen == "cpu":
        network = CpuNetwork(model.graph, runtime=runtime, threads=threads)
        return network, model.facts, CPU_BATCH
    from tracking.detection.export import as_module

    module, facts = load_network(weights, model.facts.key)
    return TorchNetwork(as_module(module), chosen), facts, GPU_BATCH


def _device(name: DeviceName) -> str:
    if name == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise InputError("--device cuda: torch finds no such GPU; leave it out to use the CPU")
    return "cpu"
