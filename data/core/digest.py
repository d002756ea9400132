"""Short keys of content, and of files by size and modification time."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.core.errors import InputError


def digest(*parts: bytes | str) -> str:
    """Return a short key of all ``parts``."""
    sha = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        sha.update(len(content).to_bytes(8, "little") + content)
    return sha.hexdigest()[:16]


def file_key(path: Path) -> str:
    """Return a key that changes when the file is rewritten.

    Raises:
        InputError: the file does not exist or is unreadable.
    """
    try:
        stat = path.stat()
    except OSError as error:
        advice = "run cluster-faces --project PROJECT --force"
        message = f"{path}: cannot be read ({error.strerror}); {advice}"
        raise InputError(message) from error
    return f"{stat.st_size:x}-{stat.st_mtime_ns:x}"
