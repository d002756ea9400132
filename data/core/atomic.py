"""Writing files so that a reader, or a run that was killed, never meets half of one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PARTIAL = ".partial"
WRITER = "FANCAM_WRITER"
"""Environment variable: a name for this process, where another may be writing the same file."""


def partial_of(path: Path) -> Path:
    """Where a file is written until it is whole.

    Always the same place, so that a run that was killed leaves nothing that the next one does not
    replace; but a place of its own for a process that has a name.
    """
    return path.with_name(f".{path.stem}{PARTIAL}{os.environ.get(WRITER, '')}{path.suffix}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; rename it into place when the block succeeds.

    The name keeps its suffix, since writers choose their format by it. On an error the
    half-written file is removed and ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove what processes with a name did not finish in a folder; none may be at work there."""
    for path in folder.glob(f".*{PARTIAL}-*"):
        path.unlink(missing_ok=True)


@contextmanager
def overwriting(path: Path) -> Iterator[Path]:
    """Replace a file within the block, and fill what it held with zeros afterwards.

    So what a table was does not stay readable on the disk. (A disk that moves what it writes, as
    a solid-state one, may keep an old copy all the same; so do snapshots and backups.)
    """
    old = path.with_name(f".{path.stem}.old{path.suffix}")
    old.unlink(missing_ok=True)
    try:
        os.link(path, old)
    except OSError:  # a disk without links: the old file goes as any other does
        yield path
        return
    try:
        yield path
        if not old.samefile(path):
            _fill_with_zeros(old)
    finally:
        old.unlink(missing_ok=True)


def _fill_with_zeros(path: Path) -> None:
    with path.open("r+b") as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 20)))
        file.flush()
        os.fsync(file.fileno())


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` whole."""
    with whole_file(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` whole, as UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` whole, readable by a person."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` hold what ``source`` holds: a hard link where the disk can, else a copy."""
    with whole_file(target) as partial:
        partial.unlink(missing_ok=True)
        try:
            os.link(source, partial)
        except OSError:
            shutil.copyfile(source, partial)
