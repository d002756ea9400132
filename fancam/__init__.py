"""The Python API and the command `fancam`: all stages in one call, and projects."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from clustering.faces.backends import BackendSettings
    from clustering.grouping.footage import GroupingSettings
    from clustering.settings import ClusterSettings
    from cropping.camera.window import WindowSettings
    from cropping.render.settings import CropSettings
    from cropping.smiles.settings import SmileSettings
    from data.core.errors import InputError
    from fancam.api.faces import find_faces
    from fancam.api.project import FancamProject
    from tracking.stage import TrackSettings
    from tracking.training.stage import TrackerSettings

__all__ = [
    "BackendSettings",
    "ClusterSettings",
    "CropSettings",
    "FancamProject",
    "GroupingSettings",
    "InputError",
    "SmileSettings",
    "TrackSettings",
    "TrackerSettings",
    "WindowSettings",
    "find_faces",
]

_MODULES: Final = {
    "BackendSettings": "clustering.faces.backends",
    "ClusterSettings": "clustering.settings",
    "CropSettings": "cropping.render.settings",
    "FancamProject": "fancam.api.project",
    "GroupingSettings": "clustering.grouping.footage",
    "InputError": "data.core.errors",
    "SmileSettings": "cropping.smiles.settings",
    "TrackSettings": "tracking.stage",
    "TrackerSettings": "tracking.training.stage",
    "WindowSettings": "cropping.camera.window",
    "find_faces": "fancam.api.faces",
}


def __getattr__(name: str) -> Any:
    """Import a part of the API at its first use, so that the commands start quickly."""
    if name not in _MODULES:
        raise AttributeError(f"module 'fancam' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
