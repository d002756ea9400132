"""Small pictures for the pages, made once and kept in the project."""

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
from data.video.footage import open_video
from web.core.library import OpenProject

if TYPE_CHECKING:
    from PIL.Image import Image

KEEP: Final = {"cache-control": "private, max-age=31536000, immutable"}
"""For addresses that change when what is there does."""
_LOCKS: Final = tuple(threading.Lock() for _ in range(16))


def cached_jpeg(project: OpenProject, key: str, draw: Callable[[], bytes]) -> Response:
    """Answer with a small JPEG, drawn unless it was drawn before.

    Args:
        project: whose folder keeps it.
        key: another one means another picture: what is shown, its size, its file's
            `data.core.digest.file_key`.
        draw: makes the JPEG.
    """
    name = digest(key)
    place = project.folder / CACHE_FOLDER / name[:2] / f"{name}.jpg"
    # Requests for one picture wait for the first of them.
    with _LOCKS[int(name, 16) % len(_LOCKS)]:
        content = None if place.is_file() else draw()
        if content is None:
            return FileResponse(place, media_type="image/jpeg", headers=KEEP)
        # A project on a read-only disk can be looked at too.
        with suppress(OSError):
            write_bytes(place, content)
    return Response(content, media_type="image/jpeg", headers=KEEP)


def small_jpeg(source: Path, *, width: int) -> bytes:
    """Return a picture file's content at ``width`` px, as a JPEG."""
    from PIL import Image

    with Image.open(source) as picture:
        # Decodes a large JPEG at a half, a quarter or an eighth.
        picture.draft("RGB", (width, width * picture.height // picture.width))
        return _jpeg(picture, width)


def frame_jpeg(video: Path, time_s: float, *, width: int) -> bytes:
    """Return the frame that a video shows at ``time_s``, or its nearest, at ``width`` px.

    Raises:
        InputError: nothing of it decodes.
    """
    import av
    from PIL.Image import fromarray

    with open_video(video, threads=1) as (container, stream):
        assert stream.time_base is not None
        container.seek(int(time_s / stream.time_base), stream=stream)
        last = None
        with suppress(av.FFmpegError):  # cut off: what there is
            for last in container.decode(stream):
                if last.time is None or last.time >= time_s:
                    break
        if last is None:
            raise InputError(f"{video.name}: no frame of it decodes; run crop-people --force")
        return _jpeg(fromarray(last.to_ndarray(format="rgb24")), width)


def _jpeg(picture: Image, width: int) -> bytes:
    small = picture.convert("RGB")
    small.thumbnail((width, width * 4))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=82)
    return content.getvalue()
