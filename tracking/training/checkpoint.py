# mypy: disable-error-code="no-untyped-call"
"""Checkpoint files of a training run: the state to resume from, and the final network."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import torch

from data.core.atomic import atomic_write
from data.core.errors import InputError
from tracking.detection.weights import network_of, read_checkpoint

LAST: Final = "last.pt"
"""The state after the latest epoch, to resume from."""
BEST: Final = "best.pt"
"""The state with the highest fitness on the validation images."""


def resume_state(last: Path, epochs: int) -> dict[str, Any] | None:
    """Read the state of a stopped training; None if there is none to resume.

    Args:
        last: checkpoint of the latest epoch.
        epochs: total number of epochs of the training.
    """
    if not last.exists() or epochs < 2:
        return None
    with suppress(InputError):
        checkpoint = read_checkpoint(last)
        # A training stopped after its last epoch repeats that epoch, and then ends normally.
        checkpoint["epoch"] = min(int(checkpoint["epoch"]), epochs - 2)
        return checkpoint
    return None


def write_network(checkpoint: Path, path: Path, *, imgsz: int, metadata: Mapping[str, Any]) -> None:
    """Write the network of a checkpoint in ultralytics' format, without its training history.

    ultralytics' own checkpoints also hold folder names, the git repository and the time of
    writing.

    Args:
        checkpoint: the .pt file to read.
        path: the .pt file to write.
        imgsz: longer side of the training images in px.
        metadata: numbers, text, and lists and dictionaries of them; stored as ``fancam``.
    """
    network = network_of(read_checkpoint(checkpoint), checkpoint).half()
    for parameter in network.parameters():
        parameter.requires_grad = False
    arguments = {"imgsz": imgsz, "task": "detect"}
    kept: dict[str, Any] = {"args": arguments, "criterion": None, "pt_path": path.name}
    vars(network).update(kept)
    content = {
        "model": network,
        "epoch": -1,
        "train_args": arguments,
        "license": "AGPL-3.0 (https://ultralytics.com/license)",
        "fancam": dict(metadata),
    }
    with atomic_write(path) as partial:
        torch.save(content, partial)
