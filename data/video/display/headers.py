"""Headers of compressed frames that tell their size, as bytes to compare."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

# Sequence parameter sets: mask and shift of a NAL unit's type, and their type, ISO 14496-10 and
# ISO 23008-2, 7.3.1.
_NAL_UNITS: Final = {"h264": (0x1F, 0, 7), "hevc": (0x7E, 1, 33)}
# Last bytes of start codes, and the length of the header after them: ISO 13818-2, 6.2.2, and
# ISO 14496-2, 6.2.3.
_START_CODES: Final = {
    "mpeg1video": ((0xB3, 4),),
    "mpeg2video": ((0xB3, 4), (0xB5, 6)),
    "mpeg4": ((0x20, 16), (0x21, 16)),
}
# RFC 6386, 9.1, and VP9 bitstream, 6.2.
_FIXED_BYTES: Final = {"vp8": slice(6, 10), "vp9": slice(1, 9)}
_AV1_SEQUENCE_HEADER: Final = 1
_BOXES: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})


def size_header(codec: str, content: bytes, extradata: bytes | None) -> bytes | None:
    """Return the header of a keyframe that tells its size; None if it has none of its own.

    Args:
        codec: libavcodec's name.
        content: the packet.
        extradata: of the stream; it tells how NAL units are separated.
    """
    if codec in _NAL_UNITS:
        mask, shift, kind = _NAL_UNITS[codec]
        units = (unit for unit in _nal_units(content, codec, extradata) if unit)
        found = b"".join(unit for unit in units if (unit[0] & mask) >> shift == kind)
    elif codec in _START_CODES:
        found = b"".join(_after_start_codes(content, _START_CODES[codec]))
    elif codec in _FIXED_BYTES:
        found = content[_FIXED_BYTES[codec]]
    elif codec == "av1":
        found = b"".join(body for kind, body in _obus(content) if kind == _AV1_SEQUENCE_HEADER)
    elif codec == "mjpeg":
        found = _jpeg_header(content)
    else:
        return None
    return found or None


def sample_entries(path: Path) -> int:
    """Return the largest number of sample descriptions of a track of an .mp4 or .mov, else 0.

    ISO 14496-12, 8.5.2: samples with different codec headers have different descriptions.
    """
    try:
        with path.open("rb") as file:
            return _entries(file, 0, path.stat().st_size)
    except OSError:
        return 0


def _entries(file: BinaryIO, start: int, end: int) -> int:
    most = 0
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4]), head[4:8]
        body = start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:]), start + 16
        if not kind.isascii() or (size and size < body - start):
            break
        after = min(start + size, end) if size else end
        if kind in _BOXES:
            most = max(most, _entries(file, body, after))
        elif kind == b"stsd":
            file.seek(body + 4)
            most = max(most, int.from_bytes(file.read(4)))
        start = after
    return most


def _nal_units(content: bytes, codec: str, extradata: bytes | None) -> Iterator[bytes]:
    place = 4 if codec == "h264" else 21
    if not extradata or extradata[0] != 1 or len(extradata) <= place:
        yield from content.split(b"\0\0\1")[1:]
        return
    length_size, offset = (extradata[place] & 3) + 1, 0
    while offset + length_size < len(content):
        start = offset + length_size
        offset = start + int.from_bytes(content[offset:start])
        yield content[start:offset]


def _after_start_codes(content: bytes, codes: tuple[tuple[int, int], ...]) -> Iterator[bytes]:
    for code, length in codes:
        found = content.find(bytes((0, 0, 1, code)))
        if found >= 0:
            yield content[found + 4 : found + 4 + length]


def _obus(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and payload of each unit of AV1: AV1 bitstream, 5.3."""
    offset = 0
    while offset < len(content):
        head = content[offset]
        offset += 2 if head & 4 else 1
        size, shift = len(content) - offset, 0
        if head & 2:
            size = 0
            while offset < len(content):
                byte = content[offset]
                size |= (byte & 0x7F) << shift
                offset, shift = offset + 1, shift + 7
                if not byte & 0x80:
                    break
        yield head >> 3 & 15, content[offset : offset + size]
        offset += size


def _jpeg_header(content: bytes) -> bytes:
    """Return size and EXIF orientation of a JPEG."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            return repr((picture.size, picture.getexif().get(0x0112))).encode()
    # ImportError: ultralytics, where loaded, makes Pillow try a plugin that is not installed.
    except (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError):
        return b""
