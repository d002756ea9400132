"""Search text and bytes for the names of an erased person."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from typing import Final
from urllib.parse import unquote

from data.project.filenames import person_file_name

RAW_BYTES: Final = 6
"""Length in UTF-8 from which a name is also searched among bytes that are not text.

A shorter name occurs by chance: two letters about once in 64 KiB of a picture.
"""
EXTENSIONS: Final = frozenset(
    {"aac", "avi", "avif", "bmp", "csv", "db", "gif", "gz", "heic", "heif", "htm", "html", "ico"}
    | {"ini", "jpeg", "jpg", "js", "json", "log", "m4a", "m4v", "md", "mkv", "mov", "mp3", "mp4"}
    | {"mpg", "npy", "npz", "onnx", "parquet", "pdf", "png", "pt", "py", "sqlite", "svg", "tif"}
    | {"tiff", "ts", "txt", "wav", "web", "webm", "webp", "xml", "yaml", "yml", "zip"}
)
"""Suffixes of files, which are no names after a dot."""

_SEPARATORS: Final = r"[\s_.+\-]"
_APOSTROPHES: Final = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'''''")
# Scripts that write words without spaces, or attach particles to a name.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))")


class NameSearch:
    """Search for names as whole words.

    Case, Unicode form and the separators between words make no difference, so that file names
    made of a name are found, and text is searched in its escaped forms, too. A name without
    letters, such as "1", must be a whole value.

    Args:
        names: names of the erased person.
        kept: names of other people: "Ann" in "Ann Lee" is no residue.
    """

    def __init__(self, names: Collection[str], kept: Collection[str] = ()) -> None:
        forms = sorted({form for name in names for form in _forms(name)})
        spoken = [form for form in forms if _is_spoken(form)]
        self._alone = {_normal(form) for form in forms if not _is_spoken(form)}
        self._words = _any_of(spoken)
        within = [name for name in kept if self._words and self._words.search(_normal(name))]
        within = sorted({form for name in within for form in _forms(name)})
        self._kept = _any_of(sorted(within, key=len, reverse=True))
        self._raw = {
            form: tuple(_spellings(form)) for form in spoken if len(form.encode()) >= RAW_BYTES
        }
        self._kept_raw = [spelling for name in within for spelling in _spellings(name)]
        lengths = [len(s) for spellings in self._raw.values() for s in spellings]
        self.overlap = max([*lengths, *map(len, self._kept_raw)], default=0) + 2

    def in_text(self, text: str) -> bool:
        """Return whether a text contains a name."""
        if self._words is None:
            return False
        return any(self._words.search(self._masked(_normal(form))) for form in _readings(text))

    def in_value(self, value: str) -> bool:
        """Return whether a value, such as a table's cell or a line, contains or is a name."""
        return self.is_alone(value) or self.in_text(value)

    def is_alone(self, value: str) -> bool:
        """Return whether a value is a name without letters."""
        return bool(self._alone) and _normal(value).strip(" \t\r\n'\"") in self._alone

    def in_bytes(self, content: bytes, format_words: Collection[str] = ()) -> bool:
        """Return whether bytes contain a name of at least `RAW_BYTES`, in UTF-8, UTF-16 or UTF-32.

        Args:
            content: bytes to search.
            format_words: words of the file's format, in lower case, which are no names.
        """
        for spelling in self._kept_raw:
            if spelling in content:
                content = content.replace(spelling, bytes(len(spelling)))
        return any(
            _has_word(content, spelling)
            for form, spellings in self._raw.items()
            if not set(re.findall(r"[^\W_]+", _normal(form))) <= set(format_words)
            for spelling in spellings
        )

    def _masked(self, text: str) -> str:
        return text if self._kept is None else self._kept.sub("\0", text)


def _forms(name: str) -> set[str]:
    """Return a name and its file name, unless nothing of the name is left in that."""
    file = person_file_name(name)
    return {name} if file == person_file_name("") else {name, file}


def _normal(text: str) -> str:
    composed = unicodedata.normalize("NFC", text.translate(_APOSTROPHES))
    return unicodedata.normalize("NFC", composed.casefold())


def _is_spoken(name: str) -> bool:
    """Return whether a name has a letter or a picture, not only digits and punctuation."""
    return any(c.isalpha() or unicodedata.category(c) == "So" for c in name)


def _any_of(names: Collection[str]) -> re.Pattern[str] | None:
    patterns = [_pattern(_normal(name)) for name in names]
    return re.compile("|".join(filter(None, patterns))) if any(patterns) else None


def _pattern(name: str) -> str:
    """Return a pattern for a normalised name as a whole word, with any separators."""
    words = [word for word in re.split(rf"{_SEPARATORS}+", name) if word]
    if not words:
        return ""
    body = rf"{_SEPARATORS}{{1,3}}".join(map(re.escape, words))
    before, after = rf"(?<!{_letter()})", rf"(?!{_letter()})"
    if name in EXTENSIONS:
        before += rf"(?<!{_letter()}\.)"
    return (
        (before if _needs_edge(words, 0) else "") + body + (after if _needs_edge(words, -1) else "")
    )


def _needs_edge(words: list[str], end: int) -> bool:
    character = words[end][end]
    if sum(map(len, words)) > 1 and _UNSPACED.match(character):
        return False
    return re.match(_letter(), character) is not None


@cache
def _letter() -> str:
    """Return a pattern for letters, digits, and the marks that belong to letters."""
    marks = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c)[0] == "M")
    return rf"(?:[^\W_]|[{marks}])"


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it is, and with the escapes of JSON, YAML, URLs and HTML resolved."""
    yield text
    if "\\" in text or "%" in text or "&" in text or "''" in text or '""' in text:
        plain = _ESCAPE.sub(_character, html.unescape(text))
        # Characters beyond the basic plane are escaped as surrogate pairs.
        plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield unquote(plain, errors="replace").replace("''", "'").replace('""', '"')


def _character(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if code is None:
        return escape[4] if escape[4] in "\\'\"/ " else escape[0]
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else escape[0]


def _spellings(name: str) -> Iterator[bytes]:
    """Yield a name in the forms and encodings of common programs."""
    composed = unicodedata.normalize("NFC", name)
    forms = {composed, unicodedata.normalize("NFD", name), name}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    forms |= {cased for form in forms for cased in (form.lower(), form.upper())}
    yield from sorted(
        {f.encode(code) for f in forms for code in ("utf-8", "utf-16-le", "utf-32-le")}
    )


def _has_word(content: bytes, word: bytes) -> bool:
    at = content.find(word)
    while at >= 0:
        around = content[max(at - 1, 0) : at] + content[at + len(word) : at + len(word) + 1]
        if not any(byte >= 0x80 or chr(byte).isalnum() or byte == 0x5F for byte in around):
            return True
        at = content.find(word, at + 1)
    return False
