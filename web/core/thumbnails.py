"""Small pictures for the pages, cached in the project folder."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, Response

from data.core.atomic import write_bytes
from data.core.digest import digest
from data.core.errors import InputError
from data.project.project import CACHE_FOLDER
from data.video.container import open_video
from web.core.caching import CACHE_FOREVER
from web.core.library import OpenProject
from web.core.static_files import STATIC_FOLDER

if TYPE_CHECKING:
    from PIL.Image import Image

_PLACEHOLDER: Final = STATIC_FOLDER / "shared" / "damaged_picture.svg"
_LOCKS: Final = tuple(threading.Lock() for _ in range(16))


class DamagedPictureError(Exception):
    """A file is not a whole picture."""


def cached_jpeg(project: OpenProject, key: str, draw: Callable[[], bytes]) -> Response:
    """Respond with a JPEG from the cache; draw it if it is missing, or a placeholder if it cannot.

    Args:
        project: the project whose folder contains the cache.
        key: subject, size in px, and `data.core.digest.file_key` of the source file.
        draw: returns the content of the JPEG.
    """
    name = digest(key)
    file = project.folder / CACHE_FOLDER / name[:2] / f"{name}.jpg"
    # Concurrent requests for the same picture draw it only once.
    with _LOCKS[int(name, 16) % len(_LOCKS)]:
        try:
            content = None if project.holds(file) else draw()
        except DamagedPictureError:
            return placeholder()
        if content is None:
            return FileResponse(file, media_type="image/jpeg", headers=CACHE_FOREVER)
        # A project on a read-only disk is served without a cache.
        with suppress(OSError):
            write_bytes(file, content)
    return Response(content, media_type="image/jpeg", headers=CACHE_FOREVER)


def placeholder() -> Response:
    """Respond with a picture that stands for a damaged one, until that is mended."""
    return FileResponse(_PLACEHOLDER, media_type="image/svg+xml")


def small_jpeg(source: Path, *, width: int) -> bytes:
    """Return a picture file resized to ``width`` px, as the content of a JPEG.

    Raises:
        DamagedPictureError: the file is not a whole picture.
    """
    from PIL import Image

    try:
        with Image.open(source) as picture:
            # Decode a large JPEG at 1/2, 1/4 or 1/8 of its size.
            picture.draft("RGB", (width, width * picture.height // picture.width))
            return _jpeg(picture, width)
    # Pillow's decoders raise all of them for damaged files; ImportError: ultralytics, where loaded,
    # makes Pillow try a plugin that is not installed.
    except (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError) as error:
        raise DamagedPictureError(f"{source.name}: {error}") from error


def is_whole(source: Path) -> bool:
    """Return whether a file is a whole picture."""
    try:
        small_jpeg(source, width=1)
    except DamagedPictureError:
        return False
    return True


def frame_jpeg(video: Path, time_s: float, *, width: int) -> bytes:
    """Return the video's frame at ``time_s``, or its last frame, ``width`` px wide, as a JPEG.

    Raises:
        InputError: no frame can be decoded.
    """
    import av
    from PIL.Image import fromarray

    with open_video(video, threads=1) as (container, stream):
        assert stream.time_base is not None
        container.seek(int(time_s / stream.time_base), stream=stream)
        last = None
        with suppress(av.FFmpegError):  # truncated: use the last decoded frame
            for last in container.decode(stream):
                if last.time is None or last.time >= time_s:
                    break
        if last is None:
            advice = "run crop-people PROJECT --force"
            raise InputError(f"{video.name}: no frame can be decoded; {advice}")
        return _jpeg(fromarray(last.to_ndarray(format="rgb24")), width)


def _jpeg(picture: Image, width: int) -> bytes:
    small = picture.convert("RGB")
    small.thumbnail((width, width * 4))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=82)
    return content.getvalue()
