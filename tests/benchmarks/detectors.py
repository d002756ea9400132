"""Time per frame of CenterFace and of dlib's detector, at one smallest face and runtime."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from clustering.faces.backends import BackendSettings, load_detector
from clustering.faces.networks.detector import Detector
from data.core.arrays import Image
from data.sample.film import Film
from tests.targets import verdict

MIN_FACE_PX: Final = 24.0
"""dlib's input is then 4267x2400 px, its limit of memory not far."""
SIZE_WH: Final = (1280, 720)
TARGET: Final = 8.0
FRAMES: Final = 6
QUICK_FRAMES: Final = 1


def report(frames: int, rounds: int) -> list[str]:
    """Measure both detectors in turn on drawn 720p frames, and compare with the target."""
    images = drawn_images(frames)
    dlib, centerface = (
        load_detector(BackendSettings(detector=name, min_face_px=MIN_FACE_PX))
        for name in ("cnn", "centerface")
    )
    taken: dict[str, list[float]] = {"dlib": [], "centerface": []}
    for _ in range(rounds):
        taken["centerface"].append(_seconds_per_frame(centerface, images))
        taken["dlib"].append(_seconds_per_frame(dlib, images))
    ours, other = (float(np.median(taken[name])) for name in ("centerface", "dlib"))
    met = verdict(other / ours >= TARGET)
    return [
        f"Detectors at 720p, smallest face {MIN_FACE_PX:.0f} px, one runtime, seconds per frame",
        f"  CenterFace      {ours:7.3f}",
        f"  dlib's CNN      {other:7.3f}",
        f"  CenterFace is {other / ours:.1f} times as fast, target {TARGET:.0f} {met}",
    ]


def drawn_images(count: int) -> list[Image]:
    """Draw frames of the sample film, evenly spread, at 720p."""
    film = Film(size_wh=SIZE_WH)
    last = int(film.truth.frame_index.max())
    return [film.frame(int(index)) for index in np.linspace(0, last, count)]


def _seconds_per_frame(detector: Detector, images: Sequence[Image]) -> float:
    start = time.perf_counter()
    detector(images)
    return (time.perf_counter() - start) / len(images)
