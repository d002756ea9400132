"""Start of every command: fancam's packages are imported from the place of this file.

A user's own ``data.py`` in the current folder, or on ``PYTHONPATH``, would hide them otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

_PLACE: Final = str(Path(__file__).resolve().parent.parent)
_PACKAGES: Final = ("clustering", "cropping", "data", "tracking", "web")


class _OwnPackages(MetaPathFinder):
    """Finds fancam's top-level packages next to the package `fancam`, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of fancam's packages; None for any other module."""
        if path is not None or fullname not in _PACKAGES:
            return None
        return PathFinder.find_spec(fullname, [_PLACE], target)


def fancam() -> int:
    """Run `fancam`."""
    return _run("fancam.cli", "main")


def cluster_faces() -> int:
    """Run `cluster-faces`."""
    return _run("clustering.cli", "main")


def train_tracker() -> int:
    """Run `train-tracker`."""
    return _run("tracking.training.cli", "main")


def track_people() -> int:
    """Run `track-people`."""
    return _run("tracking.track_cli", "main")


def crop_people() -> int:
    """Run `crop-people`."""
    return _run("cropping.crop_cli", "main")


def smile_gifs() -> int:
    """Run `smile-gifs`."""
    return _run("cropping.smiles.cli", "main")


def serve_people() -> int:
    """Run `serve-people`."""
    return _run("web.cli", "main")


def train_smiles() -> int:
    """Run `train-smiles`."""
    return _run("cropping.expression_cli", "smiles_main")


def train_expressions() -> int:
    """Run `train-expressions`."""
    return _run("cropping.expression_cli", "expressions_main")


def _run(module: str, function: str) -> int:
    sys.meta_path.insert(0, _OwnPackages())
    return int(getattr(import_module(module), function)())
