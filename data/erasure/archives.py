"""Read the entries of archives: zip, gzip and tar."""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Final

from data.erasure.content import Content

_IN_MEMORY: Final = 1 << 26
_DAMAGE: Final = (
    *(OSError, EOFError, ValueError, struct.error, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError, RuntimeError, NotImplementedError),
)


def entries_of(content: Content) -> Iterator[Content]:
    """Yield the entries of an archive, folders too; nothing for other files, or from damage on."""
    magic = content.file.read(4)
    content.file.seek(0)
    try:
        if magic.startswith(b"\x1f\x8b"):
            with gzip.open(content.file) as entry:
                yield from _entry(content.path.stem, entry)
        elif zipfile.is_zipfile(content.file):
            yield from _of_zip(content.file)
        elif content.path.suffix == ".tar":
            content.file.seek(0)
            with tarfile.open(fileobj=content.file) as archive:
                for member in archive:
                    yield from _entry(member.name, archive.extractfile(member) or io.BytesIO())
    except _DAMAGE:
        return  # its bytes are searched as those of any file


def _of_zip(file: IO[bytes]) -> Iterator[Content]:
    with zipfile.ZipFile(file) as archive:
        yield from _entry("comment.txt", io.BytesIO(archive.comment))
        for info in archive.infolist():
            if info.comment:
                yield from _entry("comment.txt", io.BytesIO(info.comment))
            try:
                with archive.open(info) as entry:
                    yield from _entry(info.filename, entry)
            except _DAMAGE:  # or encrypted
                yield from _entry(info.filename, io.BytesIO())


def _entry(name: str, file: IO[bytes] | gzip.GzipFile) -> Iterator[Content]:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield Content(PurePosixPath(name), copy)
