"""The footage itself, which the Watch page shows where a browser can play it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.core.digest import file_key
from data.core.errors import InputError
from data.core.streams import StreamChoice
from data.project.stages import CROPS
from data.video.container import codec_name, default_first, open_container, video_streams
from web.core.library import OpenProject

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer

_CODECS: Final = {
    "mov,mp4,m4a,3gp,3g2,mj2": ("video/mp4", {"h264", "vp9", "av1"}),
    "matroska,webm": ("video/webm", {"vp8", "vp9", "av1"}),
}
"""Media type, and codecs that browsers play, by libav's name of the container."""
_PIXELS: Final = {"yuv420p", "yuvj420p"}
_LATEST_START_S: Final = 0.02
"""A video that starts later is not in sync: browsers keep the start that crop-people removes."""


def film_file(project: OpenProject, footage: int) -> tuple[Path, str] | None:
    """Return the footage and its media type; None if the page must not or cannot play it.

    Videos in which the others' faces are blurred leave out the footage, which shows them.
    """
    entry, files = project.footage(footage), project.read()
    record = files.record(CROPS, entry.name)
    if record is None or record.others != "show" or not entry.path.is_file():
        return None
    try:
        media_type = _media_type(entry.path, file_key(entry.path), entry.streams)
    except InputError:
        return None
    return (entry.path, media_type) if media_type is not None else None


# Cached, because every range request of the film needs it.
@lru_cache(maxsize=64)
def _media_type(file: Path, key: str, chosen: StreamChoice) -> str | None:
    del key  # part of the cache key only: it changes with the file
    import av

    try:
        with open_container(file) as container:
            streams = video_streams(container)
            used = default_first(streams) if chosen.video is None else streams[chosen.video - 1 :]
            # Browsers play the first stream.
            is_first = bool(used) and used[0] is streams[0]
            return _type_of(container, used[0]) if is_first else None
    except (av.FFmpegError, OSError):
        return None


def _type_of(container: InputContainer, stream: VideoStream) -> str | None:
    media_type, codecs = _CODECS.get(container.format.name, ("", set()))
    start_s = float((stream.start_time or 0) * (stream.time_base or 0))
    is_plain = stream.codec_context.pix_fmt in _PIXELS and abs(start_s) < _LATEST_START_S
    return media_type if is_plain and codec_name(stream) in codecs else None
