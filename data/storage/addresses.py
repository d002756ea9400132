"""Addresses such as ``s3://bucket/concert.mp4``, and their paths in the local cache.

Address and path can be derived from each other. Stages and commands use paths only; fetching and
sending need the address.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from data.core.errors import InputError
from data.storage.cache import cache_folder

# A single letter is a Windows drive.
_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.+)", re.DOTALL)
# Not allowed in file names on some file systems. A leading dot is reserved for fancam's own files.
_UNSAFE: Final = re.compile(r'^\.|[%<>:"\\|?*\x00-\x1f\x7f]|[. ]$')
_EMPTY: Final = "%"  # stands for an empty part of an address
_NAME_BYTES: Final = 200  # the limit is 255, and the names of lock and record files are longer
_FOOTAGE, _PROJECTS = "footage", "projects"


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path."""
    return _ADDRESS.fullmatch(text) is not None


def footage_path(text: str) -> Path:
    """Return the path of a footage, in the cache if ``text`` is an address.

    Raises:
        InputError: the address contains a secret, which would be stored.
    """
    return _path(text, _FOOTAGE)


def project_path(text: str) -> Path:
    """Return the folder of a project, in the cache if ``text`` is an address.

    Raises:
        InputError: the address contains a secret, which would be stored.
    """
    return _path(text, _PROJECTS)


def footage_address(path: Path) -> str | None:
    """Return the address of a footage's path; None for a local file."""
    return _address(path, _FOOTAGE)


def project_address(folder: Path) -> str | None:
    """Return the address of a project's folder; None for a local folder."""
    return _address(folder, _PROJECTS)


def safe_name(part: str) -> str:
    """Escape a part of an address to a valid file name."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", part) or _EMPTY


def legible(text: str) -> str:
    """Replace cache paths in a text with their addresses."""
    cache = re.escape(str(cache_folder()))
    paths = rf"{cache}[/\\](?:{_FOOTAGE}|{_PROJECTS})[/\\]([^/\\\s]+)[/\\](%(?=[/\\]))?"
    return re.sub(paths, r"\1://", text)


def from_address(address: str, home: str) -> str:
    """Return an address relative to ``home`` if it is below the same parent, else unchanged."""
    is_near = address.startswith(f"{posixpath.dirname(home)}/")
    return posixpath.relpath(address, home) if is_near else address


def to_address(relative: str, home: str) -> str:
    """Invert `from_address`.

    Raises:
        ValueError: the path leads out of the store.
    """
    scheme, _, rest = home.partition("://")
    path = posixpath.normpath(f"{rest}/{relative}")
    if path.startswith(("../", "//")) or path in (".", ".."):
        raise ValueError(f"{relative!r} leads out of {home}")
    return f"{scheme}://{path}"


def _path(text: str, kind: str) -> Path:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        if text.endswith("://"):
            raise InputError(
                f"{text}: an incomplete address; give a complete one, such as s3://bucket/a.mp4"
            )
        return Path(text)
    scheme, rest = found[1].lower(), found[2]
    _reject_secrets(scheme, rest)
    parts = [scheme, *rest.rstrip("/").split("/")]
    for part in parts:
        if len(safe_name(part).encode(errors="replace")) > _NAME_BYTES:
            raise InputError(f"{part[:40]}...: the name is too long to be stored; shorten it")
    return cache_folder() / kind / "/".join(safe_name(part) for part in parts)


def _address(path: Path, kind: str) -> str | None:
    root = cache_folder() / kind
    if not path.is_relative_to(root) or len(path.relative_to(root).parts) < 2:
        return None
    scheme, *rest = path.relative_to(root).parts
    return f"{scheme}://" + "/".join("" if part == _EMPTY else unquote(part) for part in rest)


def _reject_secrets(scheme: str, rest: str) -> None:
    """Reject addresses with secrets, which would be stored in the project and shown in messages."""
    host = rest.split("/")[0]
    user, _, where = host.rpartition("@")
    if ":" in user:
        raise InputError(f"{scheme}://...@{where}: leave the password out of the address")
    if scheme in ("http", "https") and "?" in rest:
        message = (
            "the query after ? may hold a secret, and would be stored; download the file first"
        )
        raise InputError(f"{scheme}://{rest.partition('?')[0]}: {message}")
