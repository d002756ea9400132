"""The cache folder, for files that can be computed or fetched again."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """``fancam`` in the user's cache folder, as the platform defines it."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen).absolute() / "fancam"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "fancam"
    try:
        home = Path.home()
    except RuntimeError:  # no home folder: nothing outlives the process
        return Path(tempfile.gettempdir()) / "fancam"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "fancam"
