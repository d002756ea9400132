"""Free disk space, checked before a run starts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from data.core.errors import InputError


def require_space(folder: Path, needed: Mapping[str, int]) -> None:
    """Check that the disk of ``folder`` has room for the outputs of a run.

    Args:
        folder: output folder, which may not exist yet.
        needed: bytes per stage.

    Raises:
        InputError: the free space is too small.
    """
    free, total = free_bytes(folder), sum(needed.values())
    if total > free:
        stage = max(needed, key=lambda name: needed[name])
        raise InputError(
            f"{folder}: about {readable(total)} will be needed, most of it by {stage}, and "
            f"{readable(free)} is free; free some space, or use another disk"
        )


def free_bytes(path: Path) -> int:
    """Return the free bytes on the disk of a file or folder, which may not exist yet."""
    full = path.absolute()
    existing = next(parent for parent in (full, *full.parents) if parent.exists())
    return shutil.disk_usage(existing).free


def readable(size: float) -> str:
    """Format a number of bytes as text, such as "1.2 GB"."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
