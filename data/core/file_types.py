"""File types by suffix."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def is_picture(path: Path) -> bool:
    """Whether ``path`` has the suffix of an image file."""
    return path.suffix.lower() in SUFFIXES
