"""The model that tells smiles: the one that fancam brings, or one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.model import ExpressionModel, load_expression_model, model_key
from data.core.errors import InputError

SMILE: Final = "smile"
"""The class that a model of smiles must have."""
NO_SMILE: Final = "no_smile"
SHIPPED: Final = Path(__file__).resolve().parents[1] / "models" / "smile.onnx"
"""Trained by this project; see smile.md beside it."""


class SmileModel:
    """Scores faces by how surely they smile."""

    def __init__(self, expressions: ExpressionModel) -> None:
        """Take a model that has the class ``smile``."""
        self._expressions = expressions

    @property
    def key(self) -> str:
        """Another one means other scores."""
        return self._expressions.key

    def smile(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score ``(n, 64, 64)`` patches of `cropping.expressions.patch`, each 0..1, ``(n,)``."""
        return self._expressions.probability(SMILE, patches)


def load_smile_model(path: Path = SHIPPED, *, threads: int = 1) -> SmileModel:
    """Load a model of smiles.

    Raises:
        InputError: the file is missing, damaged, or has no class ``smile``.
    """
    expressions = load_expression_model(path, threads=threads)
    if SMILE not in expressions.classes:
        shown = ", ".join(expressions.classes)
        message = f'knows {shown}, but no "{SMILE}"; give a model that train-smiles wrote'
        raise InputError(f"{path}: {message}")
    return SmileModel(expressions)


def smile_model_key(path: Path = SHIPPED) -> str:
    """Return the key of a model of smiles, without starting it.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    return model_key(path)
