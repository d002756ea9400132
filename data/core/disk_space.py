"""Free disk space, checked before a run starts rather than when the disk is full."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from data.core.errors import InputError


def require_space(folder: Path, needed: Mapping[str, int]) -> None:
    """Check that the disk of ``folder`` has room for the outputs of a run.

    Args:
        folder: to be written to; it need not exist yet.
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
    """Free bytes on the disk of a file or folder, which need not exist yet."""
    there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def readable(size: float) -> str:
    """Format a number of bytes, such as 1.2 GB."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
