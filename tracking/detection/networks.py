"""Run a trained YOLO: on the CPU with the fastest runtime, on a GPU in half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.inference.runtime import Network, RuntimeName, runtime_named
from tracking.detection.detector import YoloNetwork
from tracking.detection.devices import device_for_tracking
from tracking.detection.export import ModelMetadata, exported_model, load_network, with_fixed_size

CPU_BATCH: Final = 4
GPU_BATCH: Final = 32


class CpuNetwork:
    """ONNX graph on the CPU, compiled once per input size; a smaller last batch is padded.

    Measured on two cores with bfloat16 (YOLOv5n at 416x256, CPU time per frame): OpenVINO in
    bfloat16 7.7 ms, ONNX Runtime 11.5 ms, OpenVINO in float32 13.2 ms, torch over 60 ms. In
    bfloat16 the scores differ by at most 0.013 and the boxes by at most 0.6 px. Batches of 4 take
    0.8 times as long as single frames; larger batches are no faster.
    """

    def __init__(self, graph: bytes, *, runtime: RuntimeName, threads: int) -> None:
        """Wrap a graph; it is compiled on the first call.

        Args:
            graph: a serialised ONNX model.
            runtime: the runtime that compiles it.
            threads: number of threads; 0 for all cores.
        """
        self._graph, self._threads = graph, threads
        self._compile = runtime_named(runtime, exact=False)
        self._compiled: dict[tuple[int, ...], Network] = {}

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map ``(b, h, w, 3)`` RGB to ``(b, 4 + classes, n)``; see `export.ExportedModel`."""
        count, height, width, _ = images.shape
        size = (max(count, CPU_BATCH), height, width)
        if size not in self._compiled:
            graph = with_fixed_size(self._graph, batch=size[0], height=height, width=width)
            self._compiled[size] = self._compile(graph, self._threads)
        padding = [(0, size[0] - count), (0, 0), (0, 0), (0, 0)]
        return self._compiled[size](np.pad(images, padding))[:count].copy()


class TorchNetwork:
    """Torch network on a GPU, in half precision."""

    def __init__(self, module: Any, device: str) -> None:
        """Move a module that `export.as_module` returned to ``device``."""
        self._module = module.half().to(device)
        self._device = device

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map ``(b, h, w, 3)`` RGB to ``(b, 4 + classes, n)``; see `export.ExportedModel`."""
        import torch

        with torch.inference_mode():
            output = self._module(torch.from_numpy(images).to(self._device, non_blocking=True))
            return np.asarray(output.float().cpu().numpy(), np.float32)


def load_yolo(
    weights: Path, *, device: str, runtime: RuntimeName = "auto", threads: int = 0
) -> tuple[YoloNetwork, ModelMetadata, int]:
    """Return the network of a ``best.pt``, its metadata, and its best batch size.

    Raises:
        InputError: the weights or the device are missing, or the runtime is not installed.
    """
    resolved = device_for_tracking(device)
    model = exported_model(weights)
    if resolved == "cpu":
        network = CpuNetwork(model.graph, runtime=runtime, threads=threads)
        return network, model.metadata, CPU_BATCH
    from tracking.detection.export import as_module

    module, metadata = load_network(weights, model.metadata.key)
    return TorchNetwork(as_module(module), resolved), metadata, GPU_BATCH
