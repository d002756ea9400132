"""Run a trained expression network: patches in, class probabilities out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.patch import PATCH_PX, PATCH_VERSION
from data.core.digest import digest
from data.core.disk_space import readable
from data.core.errors import InputError
from data.inference.runtime import Network, runtime_named

METADATA_KEY: Final = "fancam"
"""Key of fancam's entry in the metadata of the ONNX file."""
_MAX_BYTES: Final = 64 * 2**20  # far more than any model that fancam trains
_NO_MODEL: Final = "not a fancam model; give one that train-smiles or train-expressions wrote"


@dataclass(frozen=True, slots=True)
class ExpressionMetadata:
    """Classes and versions of a model, stored in the ONNX file."""

    classes: tuple[str, ...]
    patch: int  # PATCH_VERSION of the training
    trained_on: str = ""  # key of the faces and settings, empty if not recorded

    def to_json(self) -> str:
        """Return the JSON text stored in the ONNX file."""
        content = {"classes": self.classes, "patch": self.patch, "trained_on": self.trained_on}
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the JSON text stored in the ONNX file.

        Raises:
            ValueError: the text is not valid metadata.
        """
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
        classes = content.get("classes")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("no classes")
        return cls(
            tuple(classes), int(content.get("patch", -1)), str(content.get("trained_on", ""))
        )


class ExpressionModel:
    """A classifier of facial expressions."""

    def __init__(self, network: Network, metadata: ExpressionMetadata, *, key: str) -> None:
        self._network, self._metadata, self._key = network, metadata, key

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return self._metadata.classes

    @property
    def key(self) -> str:
        """Cache key: models with the same key give the same scores."""
        return self._key

    def probabilities(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the class probabilities, ``(n, classes)`` float32, 0..1.

        Args:
            patches: ``(n, 64, 64)`` grey, from `cropping.expressions.patch.cut_patch`.
        """
        if patches.ndim != 3 or patches.shape[1:] != (PATCH_PX, PATCH_PX):
            raise ValueError(f"patches must have shape (n, 64, 64), got {patches.shape}")
        if not len(patches):
            return np.zeros((0, len(self.classes)), np.float32)
        return self._network(np.ascontiguousarray(patches))

    def probability(self, name: str, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of class ``name``, ``(n,)`` float32, 0..1.

        Args:
            name: one of `classes`.
            patches: ``(n, 64, 64)`` grey.
        """
        return self.probabilities(patches)[:, self.classes.index(name)]


def load_expression_model(path: Path, *, threads: int = 1) -> ExpressionModel:
    """Load a model written by train-smiles or train-expressions.

    Args:
        path: the ONNX file.
        threads: processor cores to use, 0 for all. A single patch does not benefit from several.

    Raises:
        InputError: the file is missing or damaged, or not such a model.
    """
    return expression_model(_read(path), name=str(path), threads=threads)


def model_key(path: Path) -> str:
    """Return the cache key of a model file without loading the model.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    return digest(_read(path))


def expression_model(graph: bytes, *, name: str, threads: int = 1) -> ExpressionModel:
    """Load a model from a serialised ONNX graph; ``name`` identifies it in error messages.

    Raises:
        InputError: the graph is damaged, or not a fancam model.
    """
    metadata = _metadata(name, graph)
    if metadata.patch != PATCH_VERSION:
        raise InputError(f"{name}: trained by another version of fancam; train it again")
    try:
        network = runtime_named("onnxruntime")(graph, threads)
    except InputError:
        raise
    except Exception as error:  # ONNX Runtime has one exception class per failure
        raise InputError(f"{name}: not a model that can be run; train it again") from error
    return ExpressionModel(network, metadata, key=digest(graph))


def read_metadata(path: Path) -> ExpressionMetadata:
    """Return the metadata of a model file.

    Raises:
        InputError: the file is missing or damaged, or not a fancam model.
    """
    return _metadata(str(path), _read(path))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {readable(_MAX_BYTES)}, so it is {_NO_MODEL}")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); give a model (.onnx)") from error


def _metadata(name: str, graph: bytes) -> ExpressionMetadata:
    import onnx

    try:
        model: Any = onnx.load_model_from_string(graph)
        entries = {entry.key: entry.value for entry in model.metadata_props}
        return ExpressionMetadata.from_json(entries[METADATA_KEY])
    except Exception as error:  # protobuf raises untyped exceptions of its own
        raise InputError(f"{name}: {_NO_MODEL}") from error
