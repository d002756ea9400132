"""Atomic writing of files: no reader and no later run sees a partial file."""

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
"""Environment variable: suffix for partial files when several processes may write one file."""


def partial_of(path: Path) -> Path:
    """Return the path of a file while it is being written.

    The path is constant, so that the next run replaces the partial file of a killed one. A process
    with `WRITER` set uses a path of its own.
    """
    return path.with_name(f".{path.stem}{PARTIAL}{os.environ.get(WRITER, '')}{path.suffix}")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path next to ``path`` to write to; rename it to ``path`` when the block succeeds.

    The name keeps its suffix, since writers choose their format by it. On an error, the
    partial file is removed and ``path`` is unchanged.
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
    """Remove the partial files of processes with `WRITER` set; none of them may be running."""
    for path in folder.glob(f".*{PARTIAL}-*"):
        path.unlink(missing_ok=True)


@contextmanager
def overwriting(path: Path) -> Iterator[Path]:
    """Replace a file within the block, and overwrite its old content with zeros afterwards.

    The old content does not stay readable on the disk, unless the disk relocates writes
    (solid-state disks) and in snapshots and backups.
    """
    old = path.with_name(f".{path.stem}.old{path.suffix}")
    old.unlink(missing_ok=True)
    try:
        os.link(path, old)
    except OSError:  # no hard links on this disk: the old file is removed without overwriting
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
    """Write ``content`` atomically."""
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` atomically, as UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` atomically, as indented JSON."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    try:
        write_text(path, f"{text}\n")
    except UnicodeEncodeError:  # a path that is not Unicode
        write_text(path, json.dumps(content, indent=2) + "\n")


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` a hard link to ``source`` where the disk supports it, else a copy."""
    with atomic_write(target) as partial:
        partial.unlink(missing_ok=True)
        try:
            os.link(source, partial)
        except OSError:
            shutil.copyfile(source, partial)
