"""Removal of generated files that a command can make again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.project.project import Project
from data.project.stages import Stage


@dataclass(frozen=True, slots=True)
class Removable:
    """Files that can be made again.

    Args:
        kind: of file, in one word.
        made_by: the commands that make them again.
        files: generated ones only; a manifest comes after the files that it lists.
        stages: whose records are removed, each with its footage.
    """

    kind: str
    made_by: str
    files: tuple[Path, ...]
    stages: tuple[tuple[Stage[Any], str | None], ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes that removal frees; a file with another hard link frees nothing."""
        stats = [file.stat() for file in self.files]
        return sum(stat.st_size for stat in stats if stat.st_nlink == 1)


def remove(project: Project, removable: Removable) -> None:
    """Remove files, and the folders that are empty then.

    The caller holds the project's lock. It can be repeated after an interruption.
    """
    for stage, footage in removable.stages:
        project.unfinish(stage, footage)
    for file in removable.files:
        file.unlink(missing_ok=True)
    folders = {folder for file in removable.files for folder in file.parents}
    inside = [folder for folder in folders if project.folder in folder.parents]
    for folder in sorted(inside, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # not empty: a file of the user's
            folder.rmdir()


def files_under(*folders: Path) -> list[Path]:
    """Every file in folders that hold generated files only."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def that_exist(*files: Path) -> list[Path]:
    """The files that exist."""
    return [file for file in files if file.is_file()]
