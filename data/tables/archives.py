"""Zip archives of `fancam export`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

DATASET_ARCHIVES: Final = ("coco.zip", "label-studio.zip")
MOT_TRUTH: Final = ".mot.zip"
MOT_RESULTS: Final = ".mot-results.zip"


def archives_in(folder: Path) -> list[Path]:
    """List the archives in a project's folder of exports."""
    patterns = (*DATASET_ARCHIVES, f"*{MOT_TRUTH}", f"*{MOT_RESULTS}")
    return [archive for pattern in patterns for archive in sorted(folder.glob(pattern))]


def write_entry(target: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a text in UTF-8 to an archive."""
    target.writestr(zip_entry(name), text.encode())


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Return an entry with a fixed date: the same project gives the same archive, byte for byte."""
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
