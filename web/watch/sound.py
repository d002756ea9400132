"""A footage's sound as a separate file, which keeps playing while the page switches videos."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Final

from data.core.atomic import atomic_write
from data.core.digest import digest, file_key
from data.core.errors import InputError
from data.project.filenames import CropKind
from data.project.project import CACHE_FOLDER
from web.core.library import OpenProject
from web.watch.crops import FootageCrops

_LOCK: Final = threading.Lock()


def sound_key(crops: FootageCrops) -> str | None:
    """Return a cache key that changes with the videos; None for a silent footage."""
    source = _source(crops)
    return digest("sound", str(source), file_key(source)) if source is not None else None


def sound_file(project: OpenProject, crops: FootageCrops) -> Path | None:
    """Return the sound file of a footage from the cache, creating it if needed; None if silent.

    The stream is copied from one person's video: every video has the complete sound. Without a
    cache, as on a read-only disk, or if the video is cut off, that video itself is returned.
    """
    from av import FFmpegError

    source, key = _source(crops), sound_key(crops)
    if source is None or key is None:
        return None
    cached = project.folder / CACHE_FOLDER / key[:2] / f"{key}.m4a"
    with _LOCK:
        if not project.holds(cached):
            try:
                with atomic_write(cached) as partial:
                    _copy_sound(source, partial)
            except (OSError, FFmpegError):
                return source
    return cached if project.holds(cached) else source


def _source(crops: FootageCrops) -> Path | None:
    """Return the first readable video, if it has sound: all videos have the same.

    Raises:
        InputError: no video is readable.
    """
    files = (person.file(CropKind.VIDEO) for person in crops.people)
    damaged: InputError | None = None
    for file in (file for file in files if file is not None):
        try:
            return file if _has_sound(file, file_key(file)) else None
        except InputError as error:
            damaged = damaged or error
    if damaged is not None:
        raise damaged
    return None


@lru_cache(maxsize=64)
def _has_sound(video: Path, key: str) -> bool:
    del key  # part of the cache key only: it changes with the file
    import av

    try:
        with av.open(f"file:{video}") as container:
            return bool(container.streams.audio)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{video.name}: not readable; run crop-people PROJECT --force") from error


def _copy_sound(source: Path, target: Path) -> None:
    import av

    options = {"movflags": "+faststart"}
    with (
        av.open(f"file:{source}") as video,
        av.open(f"file:{target}", "w", format="ipod", options=options) as sound,
    ):
        stream = video.streams.audio[0]
        copy = sound.add_stream_from_template(stream)
        for packet in video.demux(stream):
            if packet.dts is not None:  # the last packet only flushes
                packet.stream = copy
                sound.mux(packet)
