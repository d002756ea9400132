"""What a file is, by the end of its name."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def is_picture(path: Path) -> bool:
    """Whether the name says that ``path`` is a single picture."""
    return path.suffix.lower() in SUFFIXES
