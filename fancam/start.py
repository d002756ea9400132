"""Start of every command: fancam's packages are imported from the place of this file.

A user's own ``data.py`` in the current folder, or on ``PYTHONPATH``, would hide them otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

_PLACE: Final = str(Path(__file__).resolve().parent.parent)
_INTERRUPTED: Final = 130  # exit code, as if by SIGINT
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


def _run(module: str, function: str) -> int:
    sys.meta_path.insert(0, _OwnPackages())
    try:
        command = getattr(import_module(module), function)
    except KeyboardInterrupt:  # nothing has begun yet
        return _INTERRUPTED
    return int(command())


fancam = partial(_run, "fancam.cli", "main")
cluster_faces = partial(_run, "clustering.cli", "main")
train_tracker = partial(_run, "tracking.training.cli", "main")
track_people = partial(_run, "tracking.track_cli", "main")
crop_people = partial(_run, "cropping.crop_cli", "main")
smile_gifs = partial(_run, "cropping.smiles.cli", "main")
serve_people = partial(_run, "web.cli", "main")
train_smiles = partial(_run, "cropping.expression_cli", "smiles_main")
train_expressions = partial(_run, "cropping.expression_cli", "expressions_main")
