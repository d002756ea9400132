"""Devices of this machine that torch can use."""

from __future__ import annotations

from data.core.errors import InputError


def resolve_device(name: str) -> str:
    """Return the torch device that ``auto`` selects, or ``name`` if this machine has it.

    Raises:
        InputError: this machine does not have the device.
    """
    import torch

    mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if mps else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda" and int(number or 0) < torch.cuda.device_count():
        return f"cuda:{number or 0}"
    if name == "cpu" or (name == "mps" and mps):
        return name
    raise InputError(f"--device {name}: this machine has no such device; set it to auto or cpu")


def device_for_tracking(name: str) -> str:
    """Return the torch device to track on; ``auto`` is a CUDA GPU or the CPU.

    Raises:
        InputError: this machine does not have the device.
    """
    if name == "cpu":
        return name
    resolved = resolve_device(name)
    return "cpu" if name == "auto" and resolved == "mps" else resolved
