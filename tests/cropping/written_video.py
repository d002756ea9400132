"""Properties of a written video, as a player reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.sample.sound import MARK_HZ, MARK_LENGTH_S


@dataclass(frozen=True, slots=True, eq=False)
class WrittenVideo:
    codec: str
    pix_fmt: str
    size_wh: tuple[int, int]
    times_s: NDArray[np.float64]  # of every picture, in order
    keyframes_s: NDArray[np.float64]
    duration_s: float
    colours: tuple[int, int, int, int]  # space, primaries, transfer, range
    sound: str  # codec, or empty
    sound_s: float
    chapters: list[tuple[float, float, str]]
    moov_first: bool


def read_video(path: Path) -> WrittenVideo:
    import av

    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        context = stream.codec_context
        packets = [p for p in source.demux(stream) if p.size]
        tick = stream.time_base or 1
        assert all((p.dts or 0) <= (p.pts or 0) for p in packets)
        audio = source.streams.audio[0] if source.streams.audio else None
        return WrittenVideo(
            codec=context.name,
            pix_fmt=str(context.pix_fmt),
            size_wh=(stream.width, stream.height),
            times_s=np.array(sorted(float((p.pts or 0) * tick) for p in packets)),
            keyframes_s=np.array([float((p.pts or 0) * tick) for p in packets if p.is_keyframe]),
            duration_s=float((stream.duration or 0) * tick),
            colours=(
                int(context.colorspace),
                int(context.color_primaries),
                int(context.color_trc),
                int(context.color_range),
            ),
            sound=audio.codec_context.name if audio else "",
            sound_s=float((audio.duration or 0) * (audio.time_base or 1)) if audio else 0.0,
            chapters=[
                (
                    float(one["start"] * (one["time_base"] or 1)),
                    float(one["end"] * (one["time_base"] or 1)),
                    one["metadata"]["title"],
                )
                for one in source.chapters()
            ],
            moov_first=boxes(path).index("moov") < boxes(path).index("mdat"),
        )


def boxes(path: Path) -> list[str]:
    """Return the names of an .mp4's outermost boxes, in order."""
    content, place, names = path.read_bytes(), 0, []
    while place < len(content):
        size = int.from_bytes(content[place : place + 4])
        names.append(content[place + 4 : place + 8].decode("ascii"))
        if size == 1:
            size = int.from_bytes(content[place + 8 : place + 16])
        place += size or len(content)
    return names


def decoded_sound(path: Path) -> tuple[NDArray[np.float32], int]:
    """Return the samples from time 0 on, as a player plays them, and their rate."""
    import av

    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        rate = stream.rate
        played = np.zeros(0, np.float32)
        for frame in source.decode(stream):
            samples = frame.to_ndarray().astype(np.float32)
            mono = samples.mean(axis=0) if samples.shape[0] > 1 else samples[0]
            start = round(float(frame.time or 0) * rate)
            played = np.pad(played, (0, max(start + len(mono) - len(played), 0)))
            played[max(start, 0) : start + len(mono)] = mono[max(-start, 0) :]
    return played, rate


def marks_s(samples: NDArray[np.float32], rate: int) -> list[float]:
    """Return the start times of the drawn film's marks, accurate to a few milliseconds."""
    length = round(MARK_LENGTH_S * rate)
    step = rate // 500
    window = np.hanning(length) * np.exp(-2j * np.pi * MARK_HZ * np.arange(length) / rate)
    starts = np.arange(0, len(samples) - length, step)
    strength = np.array([abs(np.sum(samples[s : s + length] * window)) for s in starts])
    loud = strength > strength.max() / 2
    groups = np.split(np.flatnonzero(loud), np.flatnonzero(np.diff(np.flatnonzero(loud)) > 1) + 1)
    return [float(starts[group[np.argmax(strength[group])]]) / rate for group in groups]
