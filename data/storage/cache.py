"""The cache folder, for files that can be computed or fetched again."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder ``fancam`` in the user's cache folder of the platform."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen).absolute() / "fancam"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "fancam"
    try:
        home = Path.home()
    except RuntimeError:  # no home folder: the cache need not persist
        return Path(tempfile.gettempdir()) / "fancam"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "fancam"
