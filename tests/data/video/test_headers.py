from __future__ import annotations

from pathlib import Path

import pytest

from data.video.display.headers import sample_entries, size_header


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (len(body) + 8).to_bytes(4) + kind + body


def movie(entries: int) -> bytes:
    stsd = box(b"stsd", bytes(4), entries.to_bytes(4))
    tracks = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stsd))))
    return box(b"ftyp", b"isom") + box(b"mdat", bytes(100)) + box(b"moov", box(b"mvhd"), tracks)


@pytest.mark.parametrize("entries", [0, 1, 2, 5])
def test_sample_entries_are_counted(entries: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(movie(entries))
    assert sample_entries(path) == entries


@pytest.mark.parametrize(
    "content", [b"", b"no boxes at all", movie(2)[:-1], movie(2)[:130], b"\0\0\0\1moov" * 4]
)
def test_damaged_boxes_are_no_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert sample_entries(path) in (0, 2)


SPS = b"\x67\x42\x00\x1e\xab"
AVCC = b"\1\x42\0\x1e\xff\xe1"


@pytest.mark.parametrize(
    ("codec", "content", "extradata", "header"),
    [
        ("h264", b"\0\0\0\1" + SPS + b"\0\0\1\x65\1\2", None, SPS),
        ("h264", b"\0\0\0\5" + SPS + b"\0\0\0\3\x65\1\2", AVCC, SPS),
        ("h264", b"\0\0\0\3\x65\1\2", AVCC, None),
        ("hevc", b"\0\0\1\x42\1\7\0\0\1\x26\1", None, b"\x42\1\7"),
        ("mpeg2video", b"\0\0\1\xb3\x14\0\xf0\x13\xff\0\0\1\xb8", None, b"\x14\0\xf0\x13"),
        ("vp8", b"\0\0\0\x9d\1\x2a\x40\1\xb4\0rest", None, b"\x40\1\xb4\0"),
        ("av1", b"\x12\0\x0a\3abc\x32\1x", None, b"abc"),
        ("mjpeg", b"\xff\xd8 no picture", None, None),
        ("prores", b"\0\0\0\0icpf", None, None),
        ("h264", b"", None, None),
        ("av1", b"\x0a", None, None),
    ],
)
def test_headers_that_tell_the_size(
    codec: str, content: bytes, extradata: bytes | None, header: bytes | None
) -> None:
    assert size_header(codec, content, extradata) == header
