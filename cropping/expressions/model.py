"""A trained expression network in use: patches in, the probability of every class out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cropping.expressions import patch as face_patch
from cropping.expressions.patch import PATCH_PX
from data.core.digest import digest
from data.core.errors import InputError
from data.inference.runtime import Network, runtime_named

FACTS_KEY: Final = "fancam"
"""Of the entry in the ONNX file's metadata that holds the model's facts."""
_MOST_BYTES: Final = 64 * 2**20  # nothing that is made here is near it


@dataclass(frozen=True, slots=True)
class ExpressionFacts:
    """What one must know of a model to use it."""

    classes: tuple[str, ...]
    patch: int  # version of `cropping.expressions.patch` that it was trained with
    trained_on: str = ""  # key of the faces and settings

    def to_json(self) -> str:
        """Return the facts as the file's metadata hold them."""
        content = {"classes": self.classes, "patch": self.patch, "trained_on": self.trained_on}
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the facts of a file's metadata.

        Raises:
            ValueError: they are no such facts.
        """
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("no facts")
        classes = content.get("classes")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("no classes")
        return cls(
            tuple(classes), int(content.get("patch", -1)), str(content.get("trained_on", ""))
        )


class ExpressionModel:
    """A network that tells the expressions of faces."""

    def __init__(self, network: Network, facts: ExpressionFacts, *, key: str) -> None:
        self._network, self._facts, self._key = network, facts, key

    @property
    def classes(self) -> tuple[str, ...]:
        """The expressions it tells apart."""
        return self._facts.classes

    @property
    def key(self) -> str:
        """Another one means other scores."""
        return self._key

    def probabilities(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of every class, ``(n, classes)``.

        Args:
            patches: ``(n, 64, 64)``, as `cropping.expressions.patch.cut_patch` cuts them.
        """
        if patches.ndim != 3 or patches.shape[1:] != (PATCH_PX, PATCH_PX):
            raise ValueError(f"patches must have shape (n, 64, 64), got {patches.shape}")
        if not len(patches):
            return np.zeros((0, len(self.classes)), np.float32)
        return self._network(np.ascontiguousarray(patches))

    def probability(self, name: str, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of one class, ``(n,)``."""
        return self.probabilities(patches)[:, self.classes.index(name)]


def load_expression_model(path: Path, *, threads: int = 1) -> ExpressionModel:
    """Load what train-smiles or train-expressions wrote.

    Args:
        path: the ONNX file.
        threads: processor cores to use, 0 all; a patch is too little work for several.

    Raises:
        InputError: the file is missing, damaged, or not such a model.
    """
    return expression_model(_read(path), name=str(path), threads=threads)


def model_key(path: Path) -> str:
    """Return the key that the model of a file has, without starting it.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    return digest(_read(path))


def expression_model(graph: bytes, *, name: str, threads: int = 1) -> ExpressionModel:
    """Start a serialised model; ``name`` is what a person knows it by.

    Raises:
        InputError: it is damaged, or not such a model.
    """
    facts = _facts(name, graph)
    if facts.patch != face_patch.VERSION:
        raise InputError(f"{name}: made by another version; train it again")
    try:
        network = runtime_named("onnxruntime")(graph, threads)
    except InputError:
        raise
    except Exception as error:  # ONNX Runtime has a class of its own for every complaint
        raise InputError(f"{name}: not a model that can be run; train it again") from error
    return ExpressionModel(network, facts, key=digest(graph))


def read_facts(path: Path) -> ExpressionFacts:
    """Return what is known of a model.

    Raises:
        InputError: the file is missing, damaged, or not such a model.
    """
    return _facts(str(path), _read(path))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: too large for a model; give one that train-smiles wrote")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); give a model (.onnx)") from error


def _facts(name: str, graph: bytes) -> ExpressionFacts:
    import onnx

    try:
        model: Any = onnx.load_model_from_string(graph)
        held = {entry.key: entry.value for entry in model.metadata_props}
        return ExpressionFacts.from_json(held[FACTS_KEY])
    except Exception as error:  # protobuf has classes of its own, without types
        message = "not a model that train-smiles or train-expressions wrote; give one of theirs"
        raise InputError(f"{name}: {message}") from error
