"""Copies of the user's files under plain paths, for libraries that interpret paths."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from data.core.atomic import link_or_copy
from data.storage.cache import cache_folder

_PLAIN: Final = re.compile(r"([A-Za-z]:)?[\w/\\.~+-]+", re.ASCII)


@contextmanager
def plain_path(file: Path, name: str) -> Iterator[Path]:
    """Yield a path without special characters to the content of a file.

    ultralytics removes apostrophes from paths, reads brackets as patterns, and asks a host on the
    internet for files that it then does not find.

    Args:
        file: an existing file.
        name: name of the yielded path.
    """
    with tempfile.TemporaryDirectory(prefix="fancam-", dir=_plain_folder()) as folder:
        path = Path(folder) / name
        try:
            path.symlink_to(file.absolute())
        except OSError:  # Windows reserves symbolic links for administrators
            link_or_copy(file, path)
        yield path


def _plain_folder() -> str | None:
    """Return a folder for temporary files whose path is plain; None if there is none."""
    candidates = (Path(tempfile.gettempdir()), cache_folder(), Path("/tmp"))
    for folder in candidates:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if _PLAIN.fullmatch(str(folder)) and os.access(folder, os.W_OK):
                return str(folder)
    return None
