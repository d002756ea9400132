"""Extract the text of a file, by its format: what a name may be in, without the format's words."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, Final

from data.core.file_types import kind_of
from data.erasure.content import Content, Texts
from data.erasure.markup import markup_texts, without_encoded
from data.erasure.media_texts import media_kind, media_texts, picture_texts
from data.erasure.own_texts import SKIPPED_COLUMNS, is_own_archive, own_reader
from data.erasure.table_texts import (
    NUMPY_MAGIC,
    PARQUET_MAGIC,
    SQLITE_MAGIC,
    array_texts,
    parquet_texts,
    sqlite_texts,
)

_TEXT_SUFFIXES: Final = frozenset(
    {".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".html", ".htm"}
    | {".xml", ".svg", ".xmp", ".md", ".log", ".ini", ".cfg", ".toml", ".srt", ".vtt", ".ass"}
    | {".py", ".js", ".css", ".sh"}
)
_MARKUP_SUFFIXES: Final = frozenset({".html", ".htm", ".xml", ".svg", ".xmp"})
_SAMPLE_BYTES: Final = 1 << 16
_PARSED_BYTES: Final = 1 << 26
"""Maximum size of a file to parse as a whole; a larger one is searched line by line."""
_BATCH: Final = 1 << 20
_NO_LETTER: Final = re.compile(r"[\W\d_]+")
_LINE: Final = 1000
"""Length from which a line is no value by itself."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")


def texts_of(content: Content) -> Texts:
    """Return the texts in a file; none of a damaged one, whose bytes are searched all the same."""
    sample = content.file.read(_SAMPLE_BYTES)
    content.file.seek(0)
    try:
        found = _of_format(content, sample)
    except OSError:
        raise
    except Exception:  # parsers of other projects, given any bytes
        found = Texts(iter(()))
    content.file.seek(0)
    if found is not None:
        return found
    forced = content.path.suffix.lower() in _TEXT_SUFFIXES
    if (encoding := _encoding(sample, forced=forced)) is None:
        return Texts(iter(()), complete=is_own_archive(content.path))
    return Texts(_of_text(content, encoding), complete=True)


def _of_format(content: Content, sample: bytes) -> Texts | None:
    """Return the texts in a file of a binary format; None for other files."""
    suffix = content.path.suffix.lower()
    if sample.startswith(SQLITE_MAGIC):
        own = content.path.as_posix() == "people.sqlite"
        return sqlite_texts(content, SKIPPED_COLUMNS if own else {})
    if sample.startswith(PARQUET_MAGIC):
        return parquet_texts(content)
    if sample.startswith(NUMPY_MAGIC):
        return array_texts(content)
    kind = media_kind(suffix, sample)
    if kind is None or (kind_of(sample) != "picture" and _encoding(sample, forced=False)):
        return None
    return picture_texts(content) if kind == "picture" else media_texts(content)


def _of_text(content: Content, encoding: str) -> Iterator[str]:
    file, size = content.file, content.file.seek(0, io.SEEK_END)
    file.seek(0)
    if size <= _PARSED_BYTES:
        text = file.read().decode(encoding, errors="replace")
        read = own_reader(content.path)
        parsed = read(text) if read else _parsed(content.path, text)
        if parsed is not None:
            yield from parsed
            return
        file.seek(0)
    yield from _lines(file, encoding)


def _parsed(path: PurePosixPath, text: str) -> Iterator[str] | None:
    """Return the texts in a structured file; None if it has no structure that can be read."""
    suffix = path.suffix.lower()
    if suffix in _MARKUP_SUFFIXES or text.lstrip()[:1] == "<":
        return markup_texts(text)
    if suffix == ".json" or text.lstrip()[:1] in ("{", "["):
        try:
            return iter(list(json_texts(json.loads(text))))
        except (ValueError, RecursionError):
            return None
    return None


def json_texts(value: Any) -> Iterator[str]:
    """Yield the strings in a JSON value, keys included that are not numbers."""
    if isinstance(value, str):
        yield without_encoded(value)
    elif isinstance(value, dict):
        yield from (key for key in value if not key.isdigit())
        for entry in value.values():
            yield from json_texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from json_texts(entry)


def _lines(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Yield a text in batches of lines, and the lines and cells that are one value each."""
    for text in _batches(file, encoding):
        yield without_encoded(text)
        for line in text.splitlines():
            if len(line) < _LINE:
                yield from filter(_NO_LETTER.fullmatch, (line, *_cells(line)))


def _batches(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Decode a file in batches that end at the end of a line, except in a very long line."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest = ""
    while block := file.read(_BATCH):
        rest += decoder.decode(block)
        at = rest.rfind("\n") + 1
        if at or len(rest) > 8 * _BATCH:
            yield rest[: at or len(rest)]
            rest = rest[at or len(rest) - _LINE :]
    yield rest + decoder.decode(b"", final=True)


def _cells(line: str) -> list[str]:
    """Return the cells of a line of a table, if one of them is not a number."""
    cells = re.split(r"[,;\t]", line.rstrip())
    if len(cells) == 1 or all(re.fullmatch(r"\s*[-+.\deE]*\s*", cell) for cell in cells):
        return []
    return cells


def _encoding(sample: bytes, *, forced: bool) -> str | None:
    """Return the encoding of a text; None for other content.

    Args:
        sample: begin of the content.
        forced: whether the file's suffix says that it is text.
    """
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = len(sample) // 2
    for code, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        is_wide = pairs > 1 and zeros.count(0) > 0.4 * pairs and sample.count(0) <= pairs
        if is_wide and not _CONTROL.search(sample[: 2 * pairs].decode(code, errors="replace")):
            return code
    # A character may be cut off at the end of the sample.
    end = sample[:-4] if len(sample) == _SAMPLE_BYTES else sample
    for code in ("utf-8-sig", "cp1252"):
        text = (end or sample).decode(code, errors="replace")
        tail = text[:-1] if end is not sample else text
        if not _CONTROL.search(tail):
            return code if code == "utf-8-sig" or forced or _is_prose(tail) else None
    return "utf-8-sig" if forced else None


def _is_prose(text: str) -> bool:
    """Return whether text in an 8-bit encoding consists of letters and spaces for the most part."""
    plain = sum(c.isascii() and (c.isalnum() or c.isspace()) for c in text)
    return plain >= 0.7 * len(text)
