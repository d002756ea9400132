"""Scripts, styles and icons, under addresses that change with their content."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from data.core.digest import digest
from web.core.caching import CACHE_FOREVER

STATIC_PATH: Final = "/static/"
STATIC_FOLDER: Final = Path(__file__).parents[1] / "static"


def static_url(path: str) -> str:
    """Return the address of a file in ``static/``."""
    return f"{static_folder()}/{path}"


@cache
def static_folder() -> str:
    """Return the address of ``static/``.

    One digest of all files: scripts and styles name each other by relative addresses.
    """
    files = sorted(file for file in STATIC_FOLDER.rglob("*") if file.is_file())
    parts = ((file.relative_to(STATIC_FOLDER).as_posix(), file.read_bytes()) for file in files)
    return STATIC_PATH + digest(*(part for pair in parts for part in pair))


class StaticFolder(StaticFiles):
    """The files, which browsers keep and do not ask for again."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC_FOLDER)

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Return the file."""
        response = super().file_response(*args, **options)
        response.headers.update(CACHE_FOREVER)
        return response
