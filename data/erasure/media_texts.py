"""Extract the text of pictures and of video and sound files: their metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any, Final

from data.core.file_types import SOUND_SUFFIXES, SUFFIXES, VIDEO_SUFFIXES, Kind, brands, kind_of
from data.erasure.content import Content, Texts
from data.erasure.markup import markup_texts
from data.video.pictures.images import quietly, register_heif

_MAGIC_BYTES: Final = 12
_OWN_TAGS: Final = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "language", "creation_time"}
    | {"vendor_id", "duration"}
)
"""Tags that programs write by themselves."""
_HEAD_BYTES: Final = 1 << 20
_ENCODER_SETTINGS: Final = re.compile(rb"x26[45][ -~]{24,}")
"""What x264 and x265 write before the first picture."""
_XP_TAGS: Final = range(0x9C9B, 0x9CA0)
_IFDS: Final = (0x8769, 0x8825, 0xA005, 1)
_MAKER_NOTE: Final = 0x927C


def media_kind(suffix: str, begin: bytes) -> Kind | None:
    """Return the kind of a picture, video or sound file, by its first bytes or else its suffix."""
    if kind := kind_of(begin):
        return kind
    if suffix in SUFFIXES:
        return "picture"
    is_media = suffix in VIDEO_SUFFIXES or suffix in SOUND_SUFFIXES or brands(begin)
    return "video" if is_media else None


def picture_texts(content: Content) -> Texts:
    """Return comments, EXIF, IPTC and XMP of a picture."""
    return Texts(iter(list(_of_picture(content.file))))


def _of_picture(file: IO[bytes]) -> Iterator[str]:
    if file.read(2) == b"\xff\xd8" and not _has_metadata(file):
        return
    file.seek(0)
    from PIL import Image

    if file.read(_MAGIC_BYTES)[4:8] == b"ftyp":
        register_heif()
    file.seek(0)

    try:
        with quietly(), Image.open(file) as picture:
            yield from _fields(picture)
    # ImportError: ultralytics, where loaded, makes Pillow try a plugin that is not installed.
    except (OSError, ImportError, ValueError, SyntaxError, TypeError, KeyError):
        return


def _has_metadata(file: IO[bytes]) -> bool:
    """Return whether a JPEG file has more than the segments of plain pictures; see `_of_picture`.

    A quick test, for the many portraits of a project.
    """
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != 0xDA:
        kind, size = head[1], int.from_bytes(head[2:], "big")
        if kind == 0xFE or 0xE1 <= kind <= 0xEF:
            return True
        file.seek(size - 2, 1)
    return False


def _fields(picture: Any) -> Iterator[str]:
    from PIL import IptcImagePlugin

    for key, value in picture.info.items():
        if key not in ("icc_profile", "exif", "photoshop"):
            yield from ([key] if picture.format == "PNG" and isinstance(value, str) else [])
            yield from _decoded(value)
    if picture.format == "PNG":  # chunks after the picture
        yield from (text for entry in picture.text.items() for text in entry)
    exif = picture.getexif()
    for tags in (exif, *(exif.get_ifd(number) for number in _IFDS)):
        for tag, value in tags.items():
            yield from _exif(tag, value)
    for value in (IptcImagePlugin.getiptcinfo(picture) or {}).values():
        yield from _decoded(value)
    for kind, value in getattr(picture, "applist", []):
        if kind in ("COM", "APP1") and not value.startswith(b"Exif"):
            yield from _decoded(value)


def _exif(tag: int, value: Any) -> Iterator[str]:
    if tag in _XP_TAGS and isinstance(value, bytes | tuple):
        yield bytes(value).decode("utf-16-le", "replace").strip("\0")
    elif tag != _MAKER_NOTE:
        yield from _decoded(value)
        # Pillow reads text as Latin-1; cameras and programs also write UTF-8.
        if isinstance(value, str) and not value.isascii():
            yield value.encode("latin-1", "replace").decode("utf-8", "replace")


def _decoded(value: Any) -> Iterator[str]:
    """Yield the text of a field, if it is text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        yield from (text for entry in value for text in _decoded(entry))
    elif isinstance(value, bytes):
        yield from _decoded_bytes(value)
    elif isinstance(value, str):
        yield from markup_texts(value) if "<" in value else (value,)


def _decoded_bytes(value: bytes) -> Iterator[str]:
    if value.startswith(b"UNICODE\0"):
        yield from (value[8:].decode(code, "replace") for code in ("utf-16-le", "utf-16-be"))
        return
    content = value.removeprefix(b"ASCII\0\0\0").strip(b"\0")
    content = content.removeprefix(b"http://ns.adobe.com/xap/1.0/\0")
    for code in ("utf-8", "cp1252", "utf-16-le"):
        text = content.decode(code, "replace")
        if "\ufffd" not in text and all(c.isprintable() or c in "\t\r\n" for c in text):
            yield from _decoded(text)
            return


def media_texts(content: Content) -> Texts:
    """Return tags, chapter titles and subtitles of a video or sound file."""
    head = content.file.read(_HEAD_BYTES)
    content.file.seek(0)
    words = {
        word.decode().lower()
        for settings in _ENCODER_SETTINGS.findall(head)
        for word in re.findall(rb"[A-Za-z0-9]+", settings)
    }
    return Texts(iter(list(_of_media(content.file))), words=frozenset(words))


def _of_media(file: IO[bytes]) -> Iterator[str]:
    import av

    try:
        with av.open(file, "r", metadata_errors="replace") as container:
            tags = [container.metadata, *(stream.metadata for stream in container.streams)]
            tags += [chapter["metadata"] for chapter in container.chapters()]
            for entries in tags:
                yield from (value for key, value in entries.items() if key not in _OWN_TAGS)
            subtitles = container.streams.subtitles
            for packet in container.demux(*subtitles) if subtitles else ():
                # mov_text begins with its length in two bytes.
                yield bytes(packet)[2:].decode("utf-8", "replace")
                yield bytes(packet).decode("utf-8", "replace")
    except (av.FFmpegError, ValueError, OSError):
        return
