"""The footage's sound, ready to go under every person's video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cropping.render.encoder import open_chunk
from data.video.footage import Footage
from data.video.writer import AAC_BIT_RATE, write_errors

if TYPE_CHECKING:
    from av import AudioStream, Packet
    from av.container import InputContainer, OutputContainer

EARLY_S: Final = 1
"""Added to all times in the file: it cannot hold those before 0, where an encoder's first packet
often is."""
_AAC: Final = "aac"
_CHANNELS: Final = {1: "mono"}  # all others are mixed down to two


def write_sound(footage: Footage, path: Path, *, start_s: Fraction) -> None:
    """Write the sound of a footage: copied where it is AAC, else encoded to that.

    Args:
        footage: a video with sound.
        path: where it goes; read it with `sound_packets`.
        start_s: where in the footage's own time its first frame is shown: 0 from here on.

    Raises:
        InputError: it cannot be written.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        av.open(f"file:{footage.path}", options={"protocol_whitelist": "file"}) as source,
        write_errors(path),
        open_chunk(path) as target,
    ):
        stream = source.streams.audio[0]
        for other in source.streams:
            if other is not stream:
                other.discard = av.stream.Discard.all
        # Raw AAC, as in .ts, keeps what a file needs in its head in every packet.
        copied = stream.codec_context.name == _AAC and bool(stream.codec_context.extradata)
        write = _copy if copied else _encode
        write(source, stream, target, start_s - EARLY_S)


def sound_packets(path: Path) -> Iterator[tuple[Any, Fraction]]:
    """Packets of a file that `write_sound` wrote, and the time in seconds when each is heard."""
    import av

    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        for packet in source.demux(stream):
            if packet.size and packet.pts is not None:
                yield packet, packet.pts * Fraction(packet.time_base) - EARLY_S


def _whole_packets(source: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Up to the end, or to where the file was cut off."""
    import av

    try:
        for packet in source.demux(stream):
            if packet.size and packet.pts is not None:
                yield packet
    except av.FFmpegError:
        return


def _copy(
    source: InputContainer, stream: AudioStream, target: OutputContainer, zero_s: Fraction
) -> None:
    out = target.add_stream_from_template(stream)
    tick = Fraction(stream.time_base or 1)
    out.time_base = tick
    zero, last = round(zero_s / tick), -1
    early = round(EARLY_S / tick)
    for packet in _whole_packets(source, stream):
        pts = (packet.pts or 0) - zero
        # Not what ends before the first frame, nor what a joined recording says twice. What ends
        # just then is what a decoder starts by.
        if pts + (packet.duration or 0) < early or pts <= last:
            continue
        packet.stream, packet.pts, packet.dts, last = out, pts, pts, pts
        target.mux(packet)


def _encode(
    source: InputContainer, stream: AudioStream, target: OutputContainer, zero_s: Fraction
) -> None:
    import av

    rate = _rate(stream.rate)
    layout = _CHANNELS.get(stream.channels, "stereo")
    out: Any = target.add_stream(_AAC, rate=rate, layout=layout)
    out.bit_rate = AAC_BIT_RATE
    out.codec_context.flags |= av.codec.context.Flags.bitexact
    out.codec_context.flags |= av.codec.context.Flags.global_header
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    place: int | None = None
    for frame in _frames(source, stream):
        at = round((frame.pts * Fraction(frame.time_base) - zero_s) * rate)
        for part in resampler.resample(frame):
            if at + part.samples <= EARLY_S * rate or (place is not None and at < place - rate):
                continue
            place = at if place is None or at > place + rate // 10 else place
            part.pts, part.time_base = place, Fraction(1, rate)
            place += part.samples
            target.mux(out.encode(part))
    target.mux(out.encode(None))


def _frames(source: InputContainer, stream: AudioStream) -> Iterator[Any]:
    """Decoded sound; what is broken is left out."""
    import av

    for packet in _whole_packets(source, stream):
        try:
            yield from (frame for frame in stream.decode(packet) if frame.pts is not None)
        except av.FFmpegError:
            continue


def _rate(rate: int) -> int:
    """The nearest that AAC and every browser know, not below."""
    return next((known for known in (44_100, 48_000) if known >= rate), 48_000)
