"""Inference runtimes: load a serialised ONNX model as a function of arrays.

``auto`` prefers ONNX Runtime with CUDA, then OpenVINO, which measured faster than ONNX Runtime on
CPUs: see `clustering.faces.networks.graph_cache` for dlib's networks and
`tracking.detection.detector` for YOLO.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.inference.signal_stack import kept_signal_stack
from data.inference.telemetry import silence_onnxruntime, silence_openvino

RuntimeName: TypeAlias = Literal["auto", "onnxruntime", "openvino"]

# TF32 has a mantissa of 10 bits: scores of faces would differ from dlib's. The default search
# tries every algorithm for each new image size.
_CUDA_OPTIONS: Final = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


class Network(Protocol):
    """A loaded network: a function from batch to batch.

    Not thread-safe: each thread needs its own network.
    """

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Run the network.

        Args:
            batch: ``(n, ...)`` of the model's input dtype; neither modified nor kept.

        Returns:
            ``(n, ...)`` float32, the model's only output.
        """
        ...


def available_runtimes() -> list[RuntimeName]:
    """List the installed runtimes, fastest first."""
    runtimes: list[RuntimeName] = []
    if importlib.util.find_spec("openvino"):
        runtimes.append("openvino")
    if importlib.util.find_spec("onnxruntime"):
        runtimes.insert(0 if _has_cuda() else len(runtimes), "onnxruntime")
    return runtimes


def runtime_named(name: RuntimeName, *, exact: bool = True) -> Callable[[bytes, int], Network]:
    """Return a function that loads a network from an ONNX model and a number of threads.

    The model is serialised and has one output; 0 threads mean one per core.

    Args:
        name: ``auto`` selects the fastest installed runtime.
        exact: compute in float32 throughout; False allows bfloat16 on processors that support it.

    Raises:
        InputError: the runtime is not installed.
    """
    available = available_runtimes()
    if name == "auto" and available:
        name = available[0]
    if name not in available:
        missing = "onnxruntime" if name == "auto" else name
        raise InputError(f"{missing} is not installed; pip install {missing}")
    return partial(_OpenVino, exact=exact) if name == "openvino" else _OnnxRuntime


def _has_cuda() -> bool:
    return "CUDAExecutionProvider" in _silent_onnxruntime().get_available_providers()


def _silent_onnxruntime() -> Any:
    silence_onnxruntime()
    import onnxruntime

    return onnxruntime


class _OnnxRuntime:
    """Network on ONNX Runtime, on CUDA where available."""

    def __init__(self, graph: bytes, threads: int) -> None:
        onnxruntime = _silent_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Spinning threads would occupy the cores that decoding needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [("CUDAExecutionProvider", _CUDA_OPTIONS)] if _has_cuda() else []
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=[*providers, "CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: batch})
        return outputs[0]


_initialising = threading.Lock()


def _initialise_types(openvino: Any) -> None:
    """Create OpenVINO's table of NumPy types in one thread, before the first inference.

    Two threads that create it at the same time deadlock: one holds a C++ lock and waits for
    Python's global lock, the other the reverse.
    """
    with _initialising:
        openvino.Type(np.float32).to_dtype()


def load_openvino(file: Path, threads: int) -> Network:
    """Load an OpenVINO model, an .xml file with its .bin file; 0 threads mean one per core.

    Raises:
        InputError: OpenVINO is not installed.
    """
    if "openvino" not in available_runtimes():
        raise InputError(f"{file}: needs openvino, which is not installed; pip install openvino")
    return _OpenVino(file, threads, exact=False)


class _OpenVino:
    """Network compiled by OpenVINO for the CPU."""

    def __init__(self, graph: bytes | Path, threads: int, *, exact: bool) -> None:
        silence_openvino()
        import openvino

        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if exact:
            options["INFERENCE_PRECISION_HINT"] = "f32"  # the default is bf16 on CPUs with bf16
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
            options["ENABLE_CPU_PINNING"] = False  # two concurrent networks would share a core
        _initialise_types(openvino)
        core = openvino.Core()
        with kept_signal_stack():
            of_file = isinstance(graph, Path)
            model = core.read_model(str(graph)) if of_file else core.read_model(graph, b"")
            self._model = core.compile_model(model, "CPU", options)

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._model(batch, share_inputs=True)[0]
        return scores
