"""Times in a file that are changed byte by byte, as a muxer would not write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.footage_kinds.clocks.recordings import Recording

_HZ = 90_000
_TS_PACKET = 188


def late(kind: str, number: int, seconds: float) -> Callable[[bytes], bytes]:
    """Return a change of one packet's times in a transport or program stream.

    Args:
        kind: video or audio.
        number: which packet of the stream, in the order of the file.
        seconds: to add to its times.
    """
    first_id = {"video": 0xE0, "audio": 0xC0}[kind]

    def change(content: bytes) -> bytes:
        mended = bytearray(content)
        starts = [at for at in _headers(content) if content[at + 3] & 0xF0 == first_id & 0xF0]
        starts = [at for at in starts if content[at + 7] & 0x80]  # that hold a time
        _shift(mended, starts[number], round(seconds * _HZ))
        return bytes(mended)

    return change


def _headers(content: bytes) -> list[int]:
    """Return where PES headers begin."""
    if content[0] == 0x47:  # transport stream: at the start of a packet's payload
        packets = range(0, len(content) - _TS_PACKET + 1, _TS_PACKET)
        places = [
            at + 4 + (content[at + 4] + 1 if content[at + 3] & 0x20 else 0)
            for at in packets
            if content[at + 1] & 0x40 and content[at + 3] & 0x10
        ]
        return [at for at in places if content[at : at + 3] == b"\0\0\1"]
    places, at = [], content.find(b"\0\0\1")
    while at >= 0:
        if content[at + 3] >= 0xC0 and content[at + 3] < 0xF0 and content[at + 6] & 0xC0 == 0x80:
            places.append(at)
        at = content.find(b"\0\0\1", at + 4)
    return places


def _shift(content: bytearray, header: int, ticks: int) -> None:
    both = content[header + 7] & 0x40
    for place in (header + 9, header + 14)[: 2 if both else 1]:
        field = content[place : place + 5]
        time = (field[0] >> 1 & 7) << 30 | field[1] << 22 | (field[2] >> 1) << 15
        time = (time | field[3] << 7 | field[4] >> 1) + ticks & (1 << 33) - 1
        content[place] = field[0] & 0xF1 | time >> 30 << 1
        content[place + 1] = time >> 22 & 0xFF
        content[place + 2] = (time >> 15 & 0x7F) << 1 | 1
        content[place + 3] = time >> 7 & 0xFF
        content[place + 4] = (time & 0x7F) << 1 | 1


def with_stray(path: Path, recording: Recording, kind: str, number: int, seconds: float) -> Path:
    """Write a recording of which one packet is shown or heard late, but decoded in time."""
    import av

    whole = recording.write(path.with_name(f"whole.{path.name}"))
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        copies: Any = {s.index: out.add_stream_from_template(s) for s in source.streams}
        packets = [packet for packet in source.demux() if packet.size]
        late = [packet for packet in packets if packet.stream.type == kind][number]
        late.pts = (late.pts or 0) + round(seconds / late.time_base)
        for packet in packets:
            packet.stream = copies[packet.stream_index]
            out.mux(packet)
    return path
