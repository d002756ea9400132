"""What a disk has room for, so that a run is refused early and not when the disk is full."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from data.core.errors import InputError


def require_space(folder: Path, needed: Mapping[str, int]) -> None:
    """Refuse to begin what the disk of ``folder`` cannot hold.

    Args:
        folder: that will be written to; it need not exist yet.
        needed: bytes by stage.

    Raises:
        InputError: less is free than is needed.
    """
    free, whole = free_bytes(folder), sum(needed.values())
    if whole > free:
        stage = max(needed, key=lambda name: needed[name])
        raise InputError(
            f"{folder}: about {readable(whole)} will be needed, most of it by {stage}, and "
            f"{readable(free)} is free; free some space, or choose another --project"
        )


def free_bytes(path: Path) -> int:
    """How much more the disk of a file or folder, which need not exist yet, can hold."""
    there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def readable(size: float) -> str:
    """Return a number of bytes as a person says it."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
