"""Small pictures for the pages, made once and kept in the project."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response

from data.files import write_bytes
from data.outputs import digest
from web.library import OpenProject

CACHE_FOLDER: Final = ".web"
"""In the project; may be deleted at any time."""

KEEP: Final = {"cache-control": "private, max-age=31536000, immutable"}
"""For addresses that change when what is there does."""
_LOCKS: Final = tuple(threading.Lock() for _ in range(16))


def cached_jpeg(project: OpenProject, key: str, draw: Callable[[], bytes]) -> Response:
    """Answer with a small JPEG, drawn unless it was drawn before.

    Args:
        project: whose folder keeps it.
        key: another one means another picture: what is shown, its size, its file's
            `data.outputs.file_key`.
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
    import io

    from PIL import Image

    with Image.open(source) as picture:
        # Decodes a large JPEG at a half, a quarter or an eighth.
        picture.draft("RGB", (width, width * picture.height // picture.width))
        small = picture.convert("RGB")
    small.thumbnail((width, width * 4))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=82)
    return content.getvalue()
