"""Removal of generated files that a command can regenerate."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.project.project import Project
from data.project.stages import Stage


@dataclass(frozen=True, slots=True)
class Removable:
    """Files that can be regenerated.

    Args:
        kind: kind of the files, in one word.
        made_by: commands that write them.
        files: generated files only; a manifest comes after the files that it lists.
        stages: stages whose records are removed as well, each with its footage.
    """

    kind: str
    made_by: str
    files: tuple[Path, ...]
    stages: tuple[tuple[Stage[Any], str | None], ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes that the removal frees; a file with other hard links frees none."""
        stats = [file.stat() for file in self.files]
        return sum(stat.st_size for stat in stats if stat.st_nlink == 1)


def remove(project: Project, removable: Removable) -> None:
    """Remove files, and folders that become empty.

    The caller holds the project's lock. An interrupted removal can be repeated.
    """
    for stage, footage in removable.stages:
        project.unfinish(stage, footage)
    for file in removable.files:
        file.unlink(missing_ok=True)
    folders = {folder for file in removable.files for folder in file.parents}
    inside = [folder for folder in folders if project.folder in folder.parents]
    for folder in sorted(inside, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # not empty: it holds a file of the user
            folder.rmdir()


def files_under(*folders: Path) -> list[Path]:
    """Return every file in folders that hold generated files only."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def existing_files(*files: Path) -> list[Path]:
    """Return those of ``files`` that exist."""
    return [file for file in files if file.is_file()]
