"""List the media in a folder: videos, pictures, and files that cannot be read."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from data.core.counts import counted
from data.core.file_types import (
    ANIMATION_SUFFIXES,
    HEAD_BYTES,
    OTHER_MEDIA_SUFFIXES,
    PARTIAL_SUFFIXES,
    PREVIEW_SUFFIXES,
    QUIET_SUFFIXES,
    SOUND_SUFFIXES,
    SUFFIXES,
    VIDEO_SUFFIXES,
    Kind,
    is_picture,
    kind_of,
)
from data.core.name_list import first_names
from data.project.project import PROJECT_FILE, SUFFIX
from data.storage.addresses import footage_address
from data.video.pictures.animation import is_animated

UNSUPPORTED: Final = "format not supported; convert to .jpg or .mp4"
SOUND_ONLY: Final = "sound only"
BROKEN_LINK: Final = "link to a file that does not exist"
CLOSED_FOLDER: Final = "folder cannot be opened; check its permissions"
SUBFOLDERS: Final = "pictures in subfolders; give those folders too"
NOT_A_VIDEO: Final = "pictures, not a video"
_OF_FOLDERS: Final = frozenset({CLOSED_FOLDER, SUBFOLDERS, NOT_A_VIDEO})
SPECIAL: Final = "not a regular file"
_BY_SUFFIX: Final = {
    SOUND_ONLY: SOUND_SUFFIXES,
    UNSUPPORTED: OTHER_MEDIA_SUFFIXES,
    "small copy made by a camera": PREVIEW_SUFFIXES,
    "unfinished download": PARTIAL_SUFFIXES,
}
_BY_MIME_TYPE: Final = {"audio": SOUND_ONLY, "image": UNSUPPORTED, "video": UNSUPPORTED}

# Folders of a project; see `data.project.paths`.
_PROJECT_FOLDERS: Final = frozenset(
    {"people", "dataset", "tracker", "labels", "tracks", "crops", "export", "pairs", "faces"}
)
# Folders of operating systems and storage devices.
_SYSTEM_FOLDERS: Final = frozenset(
    {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)


@dataclass(slots=True)
class LeftOut:
    """Files and folders that are not read, by reason."""

    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Add a file or folder."""
        self.names.setdefault(reason, []).append(name)

    def lines(self) -> list[str]:
        """Return one line per reason, with the first names."""
        return [
            f"{counted(len(names), 'folder' if reason in _OF_FOLDERS else 'file')} not read "
            f"({reason}): {first_names(names)}"
            for reason, names in self.names.items()
        ]


@dataclass(slots=True)
class FolderContents:
    """Media in a folder and the folders below it."""

    videos: list[Path] = field(default_factory=list)  # sorted
    picture_folders: list[Path] = field(default_factory=list)  # folders of still pictures, sorted
    left_out: LeftOut = field(default_factory=LeftOut)  # names relative to the folder


def media_in(folder: Path) -> FolderContents:
    """List the media in a folder, at any depth.

    Hidden files, project folders and files that are no media are skipped. Links to folders are
    followed, each folder is read once.
    """
    found, pictures = FolderContents(), set()
    for path in _files_below(folder, found.left_out):
        kind = media_kind(path)
        if kind == "video":
            found.videos.append(path)
        elif kind == "picture":
            pictures.add(path.parent)
        elif reason := reason_unread(path, kind):
            found.left_out.add(reason, str(path.relative_to(folder)))
    found.videos.sort()
    found.picture_folders = sorted(pictures)
    return found


@dataclass(slots=True)
class NamedMedia:
    """Media among names of files, relative to a folder at an address."""

    videos: list[PurePosixPath] = field(default_factory=list)
    pictures: list[PurePosixPath] = field(default_factory=list)  # folders that hold pictures
    left_out: LeftOut = field(default_factory=LeftOut)


def media_among(names: Sequence[PurePosixPath]) -> NamedMedia:
    """Sort files at an address by suffix, with those of `media_in` skipped.

    Args:
        names: names of all files below the folder, sorted.
    """
    projects = {name.parent for name in names if name.name == PROJECT_FILE}
    found, folders = NamedMedia(), dict[PurePosixPath, None]()
    for name in names:
        if _is_excluded(name, projects):
            continue
        suffix = name.suffix.lower()
        if suffix in VIDEO_SUFFIXES or suffix in ANIMATION_SUFFIXES:
            found.videos.append(name)
        elif suffix in SUFFIXES:
            folders[name.parent] = None
        elif reason := unsupported_suffix(name):
            found.left_out.add(reason, str(name))
    found.pictures = list(folders)
    return found


def pictures_in(folder: Path, *, animated: bool = False) -> list[Path]:
    """List the pictures directly inside ``folder``, in natural order: 2 before 10.

    Args:
        folder: folder to list.
        animated: include animated pictures, which are videos otherwise. They are always included
            in a folder that was fetched from an address, which is listed by suffix.

    Raises:
        OSError: the folder cannot be opened.
    """
    fetched = footage_address(folder) is not None
    found = (p for p in folder.iterdir() if not p.name.startswith("."))
    if fetched:
        found = (p for p in found if p.suffix.lower() not in ANIMATION_SUFFIXES)
    return natural_order(p for p in found if _is_listed(p, animated=animated or fetched))


def left_out_of_pictures(folder: Path) -> LeftOut:
    """Return the media directly inside ``folder`` that are not pictures.

    Raises:
        OSError: the folder cannot be opened.
    """
    left_out = LeftOut()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_dir():
            continue
        kind = media_kind(path)
        if kind == "video" and not is_picture(path):
            left_out.add("video, not a picture", path.name)
        elif kind in (None, "sound") and (reason := reason_unread(path, kind)):
            left_out.add(reason, path.name)
    return left_out


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Sort by name without case, numbers by their value."""
    return sorted(paths, key=_natural)


def media_kind(path: Path) -> Kind | None:
    """Return the kind of a file by suffix, or by its first bytes if the suffix is unknown.

    None for files that are no media, or cannot be read.
    """
    if not path.is_file():
        return None
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    if suffix in SOUND_SUFFIXES:
        return "sound"
    if is_picture(path):
        return "video" if _is_animated(path) else "picture"
    kind = kind_of(_head(path)) if _is_unknown(suffix) else None
    return "video" if kind == "picture" and _is_animated(path) else kind


def reason_unread(path: Path, kind: Kind | None) -> str:
    """Return why a file that is neither video nor picture is not read; empty if it is no media."""
    suffix = path.suffix.lower()
    reason = SOUND_ONLY if kind == "sound" else unsupported_suffix(path)
    looks_like_media = bool(reason) or suffix in VIDEO_SUFFIXES or is_picture(path)
    if looks_like_media and path.is_symlink() and not path.exists():
        return BROKEN_LINK
    return SPECIAL if looks_like_media and not path.is_file() else reason


def unsupported_suffix(path: PurePath) -> str:
    """Return why files of this suffix are not read; empty if they are, or are no media."""
    suffix = path.suffix.lower()
    if suffix in PARTIAL_SUFFIXES and PurePath(path.stem).suffix.lower() in QUIET_SUFFIXES:
        return ""
    for reason, suffixes in _BY_SUFFIX.items():
        if suffix in suffixes:
            return reason
    if suffix in VIDEO_SUFFIXES or suffix in SUFFIXES or suffix in QUIET_SUFFIXES:
        return ""
    mime_type = mimetypes.guess_type(path.name)[0] or ""
    return _BY_MIME_TYPE.get(mime_type.partition("/")[0], "")


def _files_below(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield everything but folders; links to folders come last, so that they change no order."""
    pending, linked, seen = [folder], list[Path](), set[str]()
    skipped = _SYSTEM_FOLDERS | (_PROJECT_FOLDERS if is_project(folder) else frozenset())
    while pending or linked:
        current = pending.pop() if pending else linked.pop(0)
        if (place := os.path.realpath(current)) in seen:
            continue
        seen.add(place)
        try:
            inside = sorted(current.iterdir())
        except OSError:
            if current != folder:  # the folder itself is a footage, whose failure is reported
                left_out.add(CLOSED_FOLDER, str(current.relative_to(folder)))
            continue
        for path in inside:
            if path.name.startswith("."):
                continue
            if not path.is_dir():
                yield path
            elif not (path.name in skipped or is_project(path)):
                (linked if path.is_symlink() else pending).append(path)


def is_project(folder: Path) -> bool:
    """Whether a folder is a project, whose videos and pictures are no footage."""
    if folder.suffix == SUFFIX:
        return True
    try:
        content = (folder / PROJECT_FILE).read_bytes()
    except OSError:
        return False
    return b'"footages"' in content and b'"stages"' in content  # other programs use this name too


def _is_excluded(name: PurePosixPath, projects: set[PurePosixPath]) -> bool:
    """Whether a file at an address is hidden, or in a folder of a project or a system."""
    if any(part.startswith(".") for part in name.parts):
        return True
    parents = list(name.parents)[:-1]  # without the folder itself
    return any(
        parent.name in _SYSTEM_FOLDERS or parent.suffix == SUFFIX or parent in projects
        for parent in parents
    )


def _is_listed(path: Path, *, animated: bool) -> bool:
    if not (is_picture(path) or _is_unknown(path.suffix.lower())):
        return False
    kind = media_kind(path)
    return kind == "picture" or (animated and kind == "video" and is_picture(path))


def _is_unknown(suffix: str) -> bool:
    known = (VIDEO_SUFFIXES, QUIET_SUFFIXES, *_BY_SUFFIX.values())
    return not any(suffix in suffixes for suffixes in known)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _is_animated(path: Path) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return _is_version_animated(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _is_version_animated(path: Path, size_bytes: int, modified_ns: int) -> bool:
    del size_bytes, modified_ns  # the version of the file
    return is_animated(path)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return the sort key: digits as numbers, other text without case, then the name itself."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(p), "") if p.isdecimal() else (-1, p.casefold()) for p in parts], path.name


def size_on_disk(path: Path) -> int | None:
    """Return the bytes of a footage, as `probe` counts them; None if it does not exist."""
    try:
        if path.is_dir():
            return sum(picture.stat().st_size for picture in pictures_in(path))
        return path.stat().st_size
    except OSError:
        return None
