# mypy: disable-error-code="no-untyped-call"
"""Weights to start from: a file, ultralytics' published weights, or an architecture."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.core.atomic import atomic_write
from data.core.digest import digest
from data.core.errors import InputError
from data.inference.models.ensure import OFFLINE, is_offline
from data.storage.cache import cache_folder
from tracking.detection.plain_path import plain_path

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

DEFAULT_WEIGHTS = "yolo11n.pt"
FROM_SCRATCH = "yolo11n.yaml"
_ADVICE = f"give --weights FILE, or --weights {FROM_SCRATCH} to train from scratch"
# ultralytics' published detection weights, except those for other datasets.
_OFFICIAL = re.compile(r"yolo(v[589]|11|12|26)[nstmbclex]u?\.pt")
_OWN_ARCHITECTURE = re.compile(r"[\w-]+(\.\w+)*\.ya?ml", re.ASCII)
_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
_MAX_BYTES = 1 << 30
_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Source of a network."""

    source: str  # path of a .pt file, or an architecture (.yaml)
    key: str  # digest of the content


@dataclass(frozen=True, eq=False)
class StartingPoint:
    """A network before training."""

    network: DetectionModel
    trained: bool  # False: random weights


def find_weights(weights: str, *, offline: bool, say: Callable[[str], None]) -> Weights:
    """Locate starting weights; download official ones that are not in the cache.

    Args:
        weights: a .pt file, an official name such as yolo11n.pt, or an architecture (.yaml).
        offline: download nothing, as with `OFFLINE`.
        say: prints a line before a download.

    Raises:
        InputError: the weights are missing, or are not downloaded. Nothing is written then.
    """
    if weights.endswith((".yaml", ".yml")):
        return Weights(weights, _architecture_key(weights))
    if not weights.endswith(".pt"):
        raise InputError(f"{weights}: neither weights (.pt) nor an architecture (.yaml); {_ADVICE}")
    file = file_at_hand(weights) or _download(weights, is_offline(offline), say)
    return Weights(str(file), digest(file.read_bytes()))


def load_weights(weights: Weights) -> StartingPoint:
    """Load the network that `find_weights` located.

    Raises:
        InputError: the file is damaged, or does not contain a detector.
    """
    if not weights.source.endswith(".pt"):
        return StartingPoint(_from_scratch(weights.source), trained=False)
    file = Path(weights.source)
    return StartingPoint(network_of(read_checkpoint(file), file), trained=True)


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Read a .pt file, restricted to the classes of ultralytics' networks.

    A .pt file is a pickle, which can execute any code when read. The allow-list (torch's
    ``weights_only`` and ultralytics' list of its classes) prevents that.

    Raises:
        InputError: the file is damaged, or contains other classes.
    """
    from ultralytics.nn.tasks import torch_safe_load

    try:
        with plain_path(file, "weights.pt") as plain:
            checkpoint, _ = torch_safe_load(plain, safe_only=True)
    except Exception as error:  # torch and ultralytics raise many kinds of errors on damaged files
        raise InputError(f"{file}: not readable as YOLO weights; {_ADVICE}") from error
    return dict(checkpoint)


def network_of(checkpoint: dict[str, Any], file: Path) -> DetectionModel:
    """Return the detector in a checkpoint.

    Raises:
        InputError: it does not contain a YOLO detector.
    """
    from ultralytics.nn.tasks import DetectionModel

    network = checkpoint.get("ema") or checkpoint.get("model")
    if not isinstance(network, DetectionModel) or getattr(network, "task", "detect") != "detect":
        raise InputError(f"{file}: no YOLO detector in it; {_ADVICE}")
    return network.float()


def _from_scratch(weights: str) -> DetectionModel:
    from ultralytics.nn.tasks import DetectionModel, guess_model_task

    try:
        architecture = _read_architecture(weights)
        if guess_model_task(architecture) != "detect":
            raise ValueError("not a detector")
        return DetectionModel(architecture, verbose=False)
    except Exception as error:
        raise InputError(f"{weights}: no such detector architecture; {_ADVICE}") from error


def _read_architecture(weights: str) -> dict[str, Any]:
    """Read an architecture: a file, or one of ultralytics' own by its name."""
    from ultralytics.nn.tasks import yaml_model_load

    file = Path(weights)
    if not file.is_file():
        if not _OWN_ARCHITECTURE.fullmatch(weights):
            raise FileNotFoundError(weights)
        return dict(yaml_model_load(weights))
    # The size of the network is a part of the name.
    name = file.name if _OWN_ARCHITECTURE.fullmatch(file.name) else "network.yaml"
    with plain_path(file, name) as plain:
        return {**yaml_model_load(plain), "yaml_file": file.name}


def _architecture_key(weights: str) -> str:
    file = Path(weights)
    return digest(file.read_bytes()) if file.is_file() else weights


def file_at_hand(weights: str) -> Path | None:
    """Return a file of weights: the path itself, or official weights in the cache."""
    official = [_cached(weights)] if _OFFICIAL.fullmatch(weights) else []
    return next((file for file in (Path(weights), *official) if file.is_file()), None)


def _cached(name: str) -> Path:
    return cache_folder() / "weights" / name


def _download(name: str, offline: bool, say: Callable[[str], None]) -> Path:
    """Download official weights into the cache."""
    from socket import gaierror
    from urllib.request import urlopen

    if not _OFFICIAL.fullmatch(name):
        raise InputError(f"{name}: no such file; {_ADVICE}")
    if offline:
        message = f"not on this machine, and --offline or {OFFLINE} forbids the download"
        raise InputError(f"{name}: {message}; {_ADVICE}")
    address, file = f"{_RELEASE}/{name}", _cached(name)
    say(f"fetching {name} from {address}")
    try:
        with urlopen(address, timeout=_TIMEOUT_S) as answer:
            content = answer.read(_MAX_BYTES)
    except OSError as error:
        reason = getattr(error, "reason", error)
        no_name = isinstance(reason, gaierror)
        failed = "no internet connection" if no_name else f"the download failed ({reason})"
        message = f"not on this machine, and {failed}"
        raise InputError(f"{name}: {message}; {_ADVICE}") from error
    with atomic_write(file) as partial:
        partial.write_bytes(content)
    return file
