"""Smile classifier: the shipped model, or one trained by train-smiles."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.model import ExpressionModel, load_expression_model, model_key
from data.core.errors import InputError

SMILE: Final = "smile"
"""Name of the class that a smile model must have."""
NO_SMILE: Final = "no_smile"
SHIPPED: Final = Path(__file__).resolve().parents[1] / "models" / "smile.onnx"
"""Shipped model. Its card is smile.md in the same folder."""


class SmileModel:
    """Binary smile classifier of face patches."""

    def __init__(self, expressions: ExpressionModel) -> None:
        """Wrap an expression model with the class ``smile``."""
        self._expressions = expressions

    @property
    def key(self) -> str:
        """Cache key: scores with another key are stale."""
        return self._expressions.key

    def smile(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the smile probability, ``(n,)`` 0..1, of grey patches, ``(n, 64, 64)``."""
        return self._expressions.probability(SMILE, patches)


def load_smile_model(path: Path = SHIPPED, *, threads: int = 1) -> SmileModel:
    """Load a smile model.

    Raises:
        InputError: the file is missing or damaged, or has no class ``smile``.
    """
    expressions = load_expression_model(path, threads=threads)
    if SMILE not in expressions.classes:
        shown = ", ".join(expressions.classes)
        message = f'has the classes {shown}, not "{SMILE}"; give a model trained by train-smiles'
        raise InputError(f"{path}: {message}")
    return SmileModel(expressions)


def smile_model_key(path: Path = SHIPPED) -> str:
    """Return the cache key of a smile model without loading it.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    return model_key(path)
