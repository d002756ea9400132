"""Addresses such as ``s3://bucket/concert.mp4``, and their paths in the local cache.

Address and path can be derived from each other. Stages and commands work with paths alone; only
fetching and sending need the address.
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
# Not allowed in file names on some disk. A leading dot is reserved for fancam's own files.
_UNSAFE: Final = re.compile(r'^\.|[%<>:"\\|?*\x00-\x1f\x7f]|[. ]$')
_EMPTY: Final = "%"  # stands for an empty part of an address
_NAME_BYTES: Final = 200  # a file name may have 255, and records stand beside it
_FOOTAGE, _PROJECTS = "footage", "projects"


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path."""
    return _ADDRESS.fullmatch(text) is not None


def footage_place(text: str) -> Path:
    """Return a footage's path, in the cache if ``text`` is an address.

    Raises:
        InputError: the address contains a secret, which would be stored.
    """
    return _place(text, _FOOTAGE)


def project_place(text: str) -> Path:
    """Return a project's folder, in the cache if ``text`` is an address.

    Raises:
        InputError: the address contains a secret, which would be stored.
    """
    return _place(text, _PROJECTS)


def footage_address(place: Path) -> str | None:
    """The address of a footage's path; None for a local file."""
    return _address(place, _FOOTAGE)


def project_address(place: Path) -> str | None:
    """The address of a project's folder; None for a local folder."""
    return _address(place, _PROJECTS)


def safe_name(part: str) -> str:
    """Return a part of an address as a valid file name."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", part) or _EMPTY


def legible(text: str) -> str:
    """Replace cache paths in a text by their addresses."""
    cache = re.escape(str(cache_folder()))
    places = rf"{cache}[/\\](?:{_FOOTAGE}|{_PROJECTS})[/\\]([^/\\\s]+)[/\\](%(?=[/\\]))?"
    return re.sub(places, r"\1://", text)


def from_address(address: str, home: str) -> str:
    """Return an address relative to ``home`` where both have the same parent, else unchanged."""
    beside = address.startswith(f"{posixpath.dirname(home)}/")
    return posixpath.relpath(address, home) if beside else address


def to_address(relative: str, home: str) -> str:
    """Invert `from_address`.

    Raises:
        ValueError: it leads nowhere.
    """
    scheme, _, rest = home.partition("://")
    path = posixpath.normpath(f"{rest}/{relative}")
    if path.startswith(("../", "//")) or path in (".", ".."):
        raise ValueError(f"{relative!r} leads out of {home}")
    return f"{scheme}://{path}"


def _place(text: str, kind: str) -> Path:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return Path(text)
    scheme, rest = found[1].lower(), found[2]
    _refuse_secrets(scheme, rest)
    parts = [scheme, *rest.rstrip("/").split("/")]
    for part in parts:
        if len(safe_name(part).encode(errors="replace")) > _NAME_BYTES:
            raise InputError(f"{part[:40]}...: too long a name to be kept; give it a shorter one")
    return cache_folder() / kind / "/".join(safe_name(part) for part in parts)


def _address(place: Path, kind: str) -> str | None:
    root = cache_folder() / kind
    if not place.is_relative_to(root) or len(place.relative_to(root).parts) < 2:
        return None
    scheme, *rest = place.relative_to(root).parts
    return f"{scheme}://" + "/".join("" if part == _EMPTY else unquote(part) for part in rest)


def _refuse_secrets(scheme: str, rest: str) -> None:
    """Refuse addresses with secrets, which would end up in the project and in messages."""
    host = rest.split("/")[0]
    user, _, where = host.rpartition("@")
    if ":" in user:
        raise InputError(f"{scheme}://...@{where}: leave the password out of the address")
    if scheme in ("http", "https") and "?" in rest:
        message = "what follows the ? may be a secret and would be written down; download it first"
        raise InputError(f"{scheme}://{rest.partition('?')[0]}: {message}")
