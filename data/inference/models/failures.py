"""Failed fetches, recorded in the cache so that not every start of a command tries again."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from data.core.atomic import write_text
from data.inference.models.catalogue import ModelName
from data.inference.models.store import cached_folder

PAUSE_S: Final = 3600.0
"""For this long, only `fancam models fetch` tries again."""


def record_failure(name: ModelName, reason: str) -> None:
    """Record that a model could not be fetched; a cache that cannot be written is left alone."""
    with suppress(OSError):
        write_text(_record(name), reason)


def clear_failure(name: ModelName) -> None:
    """Remove the record of a failure."""
    with suppress(OSError):
        _record(name).unlink(missing_ok=True)


def recent_failure(name: ModelName) -> str | None:
    """Reason of a failure within `PAUSE_S`; None for none."""
    path = _record(name)
    try:
        age_s = time.time() - path.stat().st_mtime
        return path.read_text("utf-8") if 0 <= age_s < PAUSE_S else None
    except (OSError, UnicodeDecodeError):
        return None


def _record(name: ModelName) -> Path:
    return cached_folder() / f".{name}.failed"
