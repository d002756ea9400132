"""Recognise a footage by its content, wherever it was moved to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from data.project.project import Project, absolute
from data.project.stages import CONTENT, ContentRecord
from data.storage.addresses import footage_address
from data.storage.shown import shown
from data.video.pictures.media_folder import pictures_in, size_on_disk

_PART_BYTES: Final = 64 * 1024
"""Bytes that are read at the beginning, in the middle and at the end of a file."""


def content_digest(path: Path) -> str:
    """Return a digest of the size and of three parts of a file, or of a folder's pictures.

    Raises:
        OSError: the footage cannot be read.
    """
    sha = hashlib.sha256()
    if path.is_dir():
        pictures = pictures_in(path)
        for picture in pictures:
            name = picture.relative_to(path).as_posix()
            sha.update(f"{name} {picture.stat().st_size}\n".encode(errors="surrogateescape"))
        for picture in (pictures[0], pictures[len(pictures) // 2], pictures[-1]):
            _add_parts(sha, picture)
    else:
        _add_parts(sha, path)
    return sha.hexdigest()[:32]


def _add_parts(sha: hashlib._Hash, path: Path) -> None:
    size = path.stat().st_size
    sha.update(size.to_bytes(8, "little"))
    with path.open("rb") as file:
        for start in (0, size // 2, max(size - _PART_BYTES, 0)):
            file.seek(start)
            sha.update(file.read(_PART_BYTES))


def store_content(project: Project, name: str, *, again: bool = False) -> None:
    """Store the content of a footage of the project, so that it is recognised after a move.

    Args:
        project: project that the caller has locked.
        name: name of the footage.
        again: also if it is stored already, since the entry has changed.
    """
    entry, record = project.footages[name], project.record(CONTENT, name)
    if record is not None and record.size_bytes == entry.size_bytes and not again:
        return
    if footage_address(entry.path) is None and size_on_disk(entry.path) == entry.size_bytes:
        digest = _digest(entry.path)
        if digest:
            project.finish(CONTENT, ContentRecord(entry.size_bytes, digest), name)


def moved_footages(project: Project, paths: Sequence[Path]) -> dict[str, Path]:
    """Return the new path of each footage that is one of ``paths`` now, by its name.

    A footage has moved if its file is gone, or is another footage of the project by now. A copy of
    a footage that is still in its place is another footage.

    Args:
        project: project to search.
        paths: local paths that the user named.
    """
    records = project.records(CONTENT)
    lost = {name: record for name, record in records.items() if _is_lost(project, name, records)}
    if not lost:
        return {}
    owners = {entry.path: name for name, entry in project.footages.items()}
    candidates = dict.fromkeys([*map(absolute, paths), *(project.footages[n].path for n in lost)])
    moved: dict[str, Path] = {}
    for path in candidates:
        if footage_address(path) is not None or owners.get(path, next(iter(lost))) not in lost:
            continue
        size, digest = size_on_disk(path), None
        for name in [n for n, r in lost.items() if r.size_bytes == size and n not in moved]:
            digest = digest or _digest(path)
            if lost[name].digest == digest:
                moved[name] = path
                break
    # A path of a footage that is nowhere stays its path: two entries never share one.
    return {name: path for name, path in moved.items() if owners.get(path, name) in moved}


def follow_moved(project: Project, paths: Sequence[Path]) -> list[str]:
    """Give moved footages their new paths, and store the content of footages that have none.

    Args:
        project: project that the caller has locked.
        paths: paths that the user named.

    Returns:
        One line per moved footage.
    """
    lines = []
    for name, path in moved_footages(project, paths).items():
        was = project.footages[name].path
        project.move_footage(name, path)
        lines.append(
            f"{name}: moved from {shown(was)} to {shown(path)}; its faces and decisions stay"
        )
    for name in project.footages:
        store_content(project, name)
    return lines


def _is_lost(project: Project, name: str, records: Mapping[str, ContentRecord]) -> bool:
    """Whether a footage's file is gone, or has the content of another footage of the project.

    A file with any other content is the footage itself, changed in its place.
    """
    entry = project.footages.get(name)
    if entry is None or footage_address(entry.path) is not None:
        return False
    size = size_on_disk(entry.path)
    if size is None or size == entry.size_bytes:
        return size is None
    others = [r for other, r in records.items() if other != name and r.size_bytes == size]
    return bool(others) and _digest(entry.path) in {record.digest for record in others}


def _digest(path: Path) -> str:
    try:
        return content_digest(path)
    except OSError:
        return ""
