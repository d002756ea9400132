"""The film's sound: a quiet tune, and a tone at every full second for checking A/V sync."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
MARK_HZ = 2_000.0  # the tune stays below a third of this
MARK_LENGTH_S = 0.03
BEAT_S = 0.25

# A minor, F, C, G, in semitones from A2 (110 Hz); the tune is in semitones from A3 (220 Hz).
_CHORDS = ((0, 3, 7), (-4, 0, 3), (3, 7, 10), (-2, 2, 5))
_TUNE = (12, 10, 7, 10, 12, 15, 14, 10, 7, 7, 10, 12, 10, 7, 5, 3)


def mark_times_s(duration_s: float) -> NDArray[np.float64]:
    """Return the start of each mark in seconds, ``(m,)``: every full second with room for one."""
    times = np.arange(np.ceil(duration_s), dtype=np.float64)
    return times[times + MARK_LENGTH_S <= duration_s]


def draw_sound(duration_s: float) -> NDArray[np.float32]:
    """Synthesise the sound track, mono, ``(n,)`` float32 in -1..1 at `RATE_HZ`."""
    n = round(duration_s * RATE_HZ)
    samples = np.zeros(n + RATE_HZ)
    for beat in range(int(np.ceil(duration_s / BEAT_S))):
        start = round(beat * BEAT_S * RATE_HZ)
        note = _TUNE[beat % len(_TUNE)]
        _add(samples, start, _pluck(220 * 2 ** (note / 12), 0.4, decay_s=0.12) * 0.10)
        if beat % 8 == 0:
            for step in _CHORDS[beat // 8 % len(_CHORDS)]:
                _add(samples, start, _pluck(110 * 2 ** (step / 12), 2.0, decay_s=0.9) * 0.07)
    for time_s in mark_times_s(duration_s):
        _add(samples, round(time_s * RATE_HZ), _mark())
    return samples[:n].astype(np.float32)


def _pluck(pitch_hz: float, length_s: float, *, decay_s: float) -> NDArray[np.float64]:
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    attack = np.minimum(t / 0.01, 1)
    release = np.minimum((length_s - t) / 0.02, 1)
    return np.asarray(np.sin(2 * np.pi * pitch_hz * t) * np.exp(-t / decay_s) * attack * release)


def _mark() -> NDArray[np.float64]:
    t = np.arange(round(MARK_LENGTH_S * RATE_HZ)) / RATE_HZ
    fade = np.minimum((MARK_LENGTH_S - t) / 0.01, 1)
    return np.asarray(0.5 * np.sin(2 * np.pi * MARK_HZ * t) * fade)


def _add(samples: NDArray[np.float64], start: int, sound: NDArray[np.float64]) -> None:
    count = min(len(sound), len(samples) - start)
    samples[start : start + count] += sound[:count]
