"""Short recordings with numbered frames and marks in the sound, and what happens to them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.sample.sound import MARK_HZ, MARK_LENGTH_S, RATE_HZ, draw_sound
from tests.clips.numbered import picture

FPS = 25


def heard_marks_s(samples: NDArray[np.float32], rate: int) -> list[float]:
    """Return when the marks of the drawn sound begin, by correlation with a mark."""
    length = round(MARK_LENGTH_S * rate)
    turned = samples * np.exp(-2j * np.pi * MARK_HZ * np.arange(len(samples)) / rate)
    total = np.concatenate([[0], np.cumsum(turned)])
    strength = np.abs(total[length:] - total[:-length])
    loud = np.flatnonzero(strength > strength.max() * 0.3)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > rate // 10) + 1)
    return [float(group[np.argmax(strength[group])]) / rate for group in groups]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a recorder writes: numbered frames, and a mark at every full second of the sound."""

    seconds: float = 4.0
    sound_s: float | None = None  # length of the sound; None for that of the picture, 0 for none
    sound_from_s: float = 0.0  # the first sample of the sound
    start_s: float = 0.0  # clock of the first frame
    first: int = 0  # number of the first frame
    video: str = "libx264"
    audio: str = "aac"
    layout: str = "stereo"
    rate: int = RATE_HZ
    b_frames: int = 0
    container: str | None = None

    def write(self, path: Path) -> Path:
        """Write the recording."""
        import av

        with av.open(str(path), "w", format=self.container) as out:
            video: Any = out.add_stream(self.video, rate=FPS, options=self._options())
            video.height, video.width, video.pix_fmt = 96, 160, "yuv420p"
            video.codec_context.time_base = Fraction(1, FPS)
            sound_s = self.seconds if self.sound_s is None else self.sound_s
            streams = [video]
            if sound_s:
                audio: Any = out.add_stream(self.audio, rate=self.rate, layout=self.layout)
                streams.append(audio)
            encoded = [*self._pictures(video)]
            if sound_s:
                encoded += self._sound(audio, sound_s)
            for packet in sorted(encoded, key=lambda one: one.dts * one.time_base):
                out.mux(packet)
        return path

    def content(self, folder: Path, suffix: str) -> bytes:
        """Return the bytes of the recording."""
        return self.write(folder / f"part{suffix}").read_bytes()

    def _options(self) -> dict[str, str]:
        if self.video == "libx264":
            return {"preset": "ultrafast", "bf": str(self.b_frames), "g": "25", "crf": "18"}
        return {"bf": str(self.b_frames), "g": "12", "qscale": "2", "flags": "+qscale"}

    def _pictures(self, video: Any) -> list[Any]:
        import av

        packets = []
        for number in range(round(self.seconds * FPS)):
            image = picture(self.first + number)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts = number + round(self.start_s * FPS)
            frame.time_base = Fraction(1, FPS)
            packets += video.encode(frame)
        return [*packets, *video.encode(None)]

    def _sound(self, audio: Any, sound_s: float) -> list[Any]:
        import av

        samples = draw_sound(sound_s + self.sound_from_s)[round(self.sound_from_s * RATE_HZ) :]
        planes = np.ascontiguousarray(np.tile(samples, (audio.channels, 1)))
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=self.layout)
        frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
        frame.pts = round((self.start_s + self.sound_from_s) * RATE_HZ)
        resampler = av.AudioResampler(
            audio.format, self.layout, self.rate, frame_size=audio.frame_size or 0
        )
        packets = []
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            packets += audio.encode(part)
        return [*packets, *audio.encode(None)]


def combined(
    path: Path,
    videos: Sequence[Recording],
    sounds: Sequence[Recording | None],
    *,
    default: Sequence[int] = (),
) -> Path:
    """Write the pictures and the sounds of several recordings as streams of one file.

    Args:
        path: the file.
        videos: whose pictures to write.
        sounds: whose sound to write; None for a track without packets.
        default: streams to flag as default, from 0, videos first.
    """
    import av
    from av.stream import Disposition

    packets: list[Any] = []
    with ExitStack() as stack:
        out = stack.enter_context(av.open(str(path), "w"))
        wanted = [*(("video", video) for video in videos), *(("audio", one) for one in sounds)]
        for number, (kind, recording) in enumerate(wanted):
            part = (recording or Recording(1.0)).write(path.with_name(f"part{number}.mkv"))
            source = stack.enter_context(av.open(str(part)))
            stream = next(stream for stream in source.streams if stream.type == kind)
            copy: Any = out.add_stream_from_template(stream)
            copy.disposition = Disposition.default if number in default else Disposition(0)
            for packet in source.demux(stream) if recording else ():
                if packet.size:
                    packet.stream = copy
                    packets.append(packet)
        for packet in sorted(packets, key=lambda one: one.dts * one.time_base):
            out.mux(packet)
    return path
