"""Extract the footage's sound for muxing into each person's video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cropping.render.encoder import open_chunk
from cropping.render.sound_plan import SoundPlan, choose_track, open_track, sound_packets_of
from data.video.container import open_container
from data.video.footage import Footage
from data.video.writer import AAC_BIT_RATE, write_errors

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer, OutputContainer

OFFSET_S: Final = 1
"""Added to all timestamps in the file, because they cannot be negative: an encoder's first packet
often starts before 0."""
_AAC: Final = "aac"
_LAYOUTS: Final = {1: "mono"}  # others are mixed down to stereo


def write_sound(footage: Footage, path: Path, *, start_s: Fraction) -> list[str]:
    """Write the sound of a footage: copy AAC, and transcode other codecs to AAC.

    AAC is transcoded as well if its clock or its settings change on the way. Without usable sound,
    the file is left empty.

    Args:
        footage: a video with sound.
        path: output file, in the format that `sound_packets` reads.
        start_s: timestamp of the footage's first frame, which becomes 0.

    Returns:
        What the user should know about the sound, one line each.

    Raises:
        InputError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    choice = choose_track(footage, start_s=start_s)
    notes, plan = choice.notes(), choice.plan
    if plan is not None and not _write(footage, plan, path, start_s - OFFSET_S):
        plan = None
        notes.append("the sound ends before the picture begins: the videos are silent")
    if plan is None:
        path.write_bytes(b"")
    return notes


def sound_packets(path: Path) -> Iterator[tuple[Any, Fraction]]:
    """Yield the packets of a `write_sound` file, each with its presentation time in seconds."""
    import av

    with av.open(f"file:{path}") as source:
        stream = source.streams.audio[0]
        for packet in source.demux(stream):
            if packet.size and packet.pts is not None:
                yield packet, packet.pts * Fraction(packet.time_base) - OFFSET_S


def _write(footage: Footage, plan: SoundPlan, path: Path, zero_s: Fraction) -> bool:
    """Write a sound track; return whether there is any sound from ``zero_s`` on."""
    try:
        return _write_as(footage, plan, path, zero_s, layout=None)
    except _WiderLayoutError:
        return _write_as(footage, plan, path, zero_s, layout="stereo")


def _write_as(
    footage: Footage, plan: SoundPlan, path: Path, zero_s: Fraction, *, layout: str | None
) -> bool:
    with (
        open_container(footage.path) as source,
        write_errors(path),
        open_chunk(path) as target,
    ):
        stream = open_track(source, plan.number)
        # ADTS (AAC in .ts files) has a header in each packet and no extradata.
        copied = stream.codec_context.name == _AAC and bool(stream.codec_context.extradata)
        if copied and plan.is_simple:
            return _copy(source, stream, target, zero_s)
        layout = layout or _LAYOUTS.get(stream.channels, "stereo")
        encoder = _Encoder(target, zero_s, layout, _rate(stream.rate))
        for run, frame in _frames(source, stream, plan):
            encoder.encode(frame, run, plan)
        return encoder.finish()


def _copy(
    source: InputContainer, stream: AudioStream, target: OutputContainer, zero_s: Fraction
) -> bool:
    out = target.add_stream_from_template(stream)
    tick = Fraction(stream.time_base or 1)
    out.time_base = tick
    zero, last = round(zero_s / tick), -1
    offset = round(OFFSET_S / tick)
    for packet in sound_packets_of(source, stream):
        pts = (packet.pts or 0) - zero
        # Skip packets that end before the first frame, and repeated packets. A packet that ends
        # exactly at the first frame primes the decoder.
        if pts + (packet.duration or 0) < offset or pts <= last:
            continue
        packet.stream, packet.pts, packet.dts, last = out, pts, pts, pts
        target.mux(packet)
    return last >= 0


class _WiderLayoutError(Exception):
    """A mono track becomes stereo."""


class _Encoder:
    """AAC encoder for decoded frames of any layout and rate.

    Args:
        target: file to write.
        zero_s: time that becomes 0 in the file.
        layout: mono or stereo.
        rate: samples per second.
    """

    def __init__(self, target: OutputContainer, zero_s: Fraction, layout: str, rate: int) -> None:
        import av

        self._target, self._zero_s, self._layout, self._rate = target, zero_s, layout, rate
        self._out: Any = target.add_stream(_AAC, rate=rate, layout=layout)
        self._out.bit_rate = AAC_BIT_RATE
        self._out.codec_context.flags |= av.codec.context.Flags.bitexact
        self._out.codec_context.flags |= av.codec.context.Flags.global_header
        self._resampler: Any = None
        self._format: tuple[Any, ...] = ()  # of the frames that the resampler takes
        self._run = 0
        self._end: int | None = None  # sample at which the sound of the run must end
        self._overlaps = False  # whether the run may begin before the next sample
        self._position: int | None = None  # next sample

    def encode(self, frame: AudioFrame, run: int, plan: SoundPlan) -> None:
        """Encode the next decoded frame.

        Raises:
            _WiderLayoutError: it has more channels than a mono encoder takes.
        """
        at = self._sample((frame.pts or 0) * Fraction(frame.time_base or 1))
        begins = self._adapt(frame, run != self._run)
        if begins:
            self._begin(run, at, plan.begins_s[run])
        end_s = plan.ends_s[run]
        self._end = None if end_s is None else self._sample(end_s)
        for part in self._resampler.resample(frame):
            ended = self._end is not None and at >= self._end
            if ended or at + part.samples <= OFFSET_S * self._rate:
                continue
            if self._position is None or at > self._position + self._rate // 10:
                self._skip_to(at, fill=not plan.is_simple)
            self._put(self._without_overlap(part, at))

    def _sample(self, time_s: Fraction) -> int:
        return round((time_s - self._zero_s) * self._rate)

    def _adapt(self, frame: AudioFrame, begins: bool) -> bool:
        """Replace the resampler if the frame is of another recording or format than the last one.

        Returns:
            Whether it was replaced.
        """
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind == self._format and not begins:
            return False
        if self._layout == "mono" and frame.layout.nb_channels > 1:
            raise _WiderLayoutError
        if self._resampler is not None and self._position is not None:
            for part in self._resampler.resample(None):
                self._put(part)
        self._format = kind
        self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
        return True

    def _begin(self, run: int, at: int, begin_s: Fraction | None) -> None:
        """Begin sound of another recording or format at its own time."""
        self._run, self._end = run, None
        if self._position is not None:
            begin = at if begin_s is None else max(at, self._sample(begin_s))
            self._skip_to(max(begin, self._position), fill=True)
            self._overlaps = True

    def _without_overlap(self, part: AudioFrame, at: int) -> AudioFrame | None:
        """Cut what is earlier than the sound that is encoded, where a recording begins."""
        overlap = (self._position or at) - at if self._overlaps else 0
        self._overlaps &= overlap >= part.samples
        return _cut(part, begin=overlap)

    def _skip_to(self, at: int, *, fill: bool) -> None:
        position = self._position
        while fill and position is not None and position < at:
            self._put(_silence(min(at - position, self._rate), self._layout, self._rate))
            if self._position == position:
                break  # the sound of the recording must have ended
            position = self._position
        self._position = at

    def _put(self, part: AudioFrame | None) -> None:
        if part is not None and self._end is not None:
            part = _cut(part, end=self._end - (self._position or 0))
        if part is None or self._position is None:
            return
        part.pts, part.time_base = self._position, Fraction(1, self._rate)
        self._position += part.samples
        self._target.mux(self._out.encode(part))

    def finish(self) -> bool:
        """Encode what is left; return whether there was any sound."""
        self._target.mux(self._out.encode(None))
        return self._position is not None


def _cut(part: AudioFrame, *, begin: int = 0, end: int | None = None) -> AudioFrame | None:
    """Return the samples of a frame from ``begin`` to ``end``; None if there are none."""
    import av

    begin, end = max(begin, 0), part.samples if end is None else min(end, part.samples)
    if begin == 0 and end == part.samples:
        return part
    if end <= begin:
        return None
    samples = np.ascontiguousarray(part.to_ndarray()[:, begin:end], np.float32)
    cut = av.AudioFrame.from_ndarray(samples, format="fltp", layout=part.layout.name)
    cut.sample_rate = part.sample_rate
    return cut


def _silence(samples: int, layout: str, rate: int) -> AudioFrame:
    import av

    planes = np.zeros((1 if layout == "mono" else 2, samples), np.float32)
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    frame.sample_rate = rate
    return frame


def _frames(
    source: InputContainer, stream: AudioStream, plan: SoundPlan
) -> Iterator[tuple[int, AudioFrame]]:
    """Yield decoded frames with the number of their recording, skipping damaged packets."""
    current = 0
    for number, packet in enumerate(sound_packets_of(source, stream)):
        if number >= len(plan.pts):
            break  # the file has grown
        run = int(plan.run[number])
        if run != current:
            yield from ((current, frame) for frame in _decode(stream, None))
            stream.codec_context.flush_buffers()
            current = run
        if not plan.is_simple:
            packet.pts = int(plan.pts[number])
        yield from ((run, frame) for frame in _decode(stream, packet))


def _decode(stream: AudioStream, packet: Packet[AudioStream] | None) -> list[AudioFrame]:
    import av

    try:
        return [frame for frame in stream.decode(packet) if frame.pts is not None]
    except av.FFmpegError:
        return []


def _rate(rate: int) -> int:
    """Return the next higher sample rate that all browsers support, at most 48 kHz."""
    return 44_100 if rate <= 44_100 else 48_000
