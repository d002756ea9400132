"""Extract the footage's sound for muxing into each person's video."""

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

OFFSET_S: Final = 1
"""Added to all timestamps in the file, because they cannot be negative: an encoder's first packet
often starts before 0."""
_AAC: Final = "aac"
_LAYOUTS: Final = {1: "mono"}  # others are mixed down to stereo


def write_sound(footage: Footage, path: Path, *, start_s: Fraction) -> None:
    """Write the sound of a footage: copy AAC, and transcode other codecs to AAC.

    Args:
        footage: a video with sound.
        path: output file, in the format that `sound_packets` reads.
        start_s: timestamp of the footage's first frame, which becomes 0.

    Raises:
        InputError: the file cannot be written.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        av.open(
            f"file:{footage.path}",
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as source,
        write_errors(path),
        open_chunk(path) as target,
    ):
        stream = source.streams.audio[0]
        for other in source.streams:
            if other is not stream:
                other.discard = av.stream.Discard.all
        # ADTS (AAC in .ts files) has a header in each packet and no extradata.
        copied = stream.codec_context.name == _AAC and bool(stream.codec_context.extradata)
        write = _copy if copied else _encode
        write(source, stream, target, start_s - OFFSET_S)


def sound_packets(path: Path) -> Iterator[tuple[Any, Fraction]]:
    """Yield the packets of a `write_sound` file, each with its presentation time in seconds."""
    import av

    with av.open(f"file:{path}") as source:
        stream = source.streams.audio[0]
        for packet in source.demux(stream):
            if packet.size and packet.pts is not None:
                yield packet, packet.pts * Fraction(packet.time_base) - OFFSET_S


def _whole_packets(source: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Yield packets up to the end, or up to the first error in a truncated file."""
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
    offset = round(OFFSET_S / tick)
    for packet in _whole_packets(source, stream):
        pts = (packet.pts or 0) - zero
        # Skip packets that end before the first frame, and repeated packets of joined recordings.
        # A packet that ends exactly at the first frame primes the decoder.
        if pts + (packet.duration or 0) < offset or pts <= last:
            continue
        packet.stream, packet.pts, packet.dts, last = out, pts, pts, pts
        target.mux(packet)


def _encode(
    source: InputContainer, stream: AudioStream, target: OutputContainer, zero_s: Fraction
) -> None:
    import av

    rate = _rate(stream.rate)
    layout = _LAYOUTS.get(stream.channels, "stereo")
    out: Any = target.add_stream(_AAC, rate=rate, layout=layout)
    out.bit_rate = AAC_BIT_RATE
    out.codec_context.flags |= av.codec.context.Flags.bitexact
    out.codec_context.flags |= av.codec.context.Flags.global_header
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    position: int | None = None  # next sample
    for frame in _frames(source, stream):
        at = round((frame.pts * Fraction(frame.time_base) - zero_s) * rate)
        for part in resampler.resample(frame):
            repeated = position is not None and at < position - rate
            if repeated or at + part.samples <= OFFSET_S * rate:
                continue
            if position is None or at > position + rate // 10:
                position = at
            part.pts, part.time_base = position, Fraction(1, rate)
            position += part.samples
            target.mux(out.encode(part))
    target.mux(out.encode(None))


def _frames(source: InputContainer, stream: AudioStream) -> Iterator[Any]:
    """Yield decoded audio frames, skipping damaged packets."""
    import av

    for packet in _whole_packets(source, stream):
        try:
            yield from (frame for frame in stream.decode(packet) if frame.pts is not None)
        except av.FFmpegError:
            continue


def _rate(rate: int) -> int:
    """Return the next higher sample rate that all browsers support, at most 48 kHz."""
    return 44_100 if rate <= 44_100 else 48_000
