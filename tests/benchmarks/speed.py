"""Frames per second, from file to embeddings, against face_recognition's CNN path."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings
from clustering.faces.networks.dlib_backend import load_face_recognition
from clustering.faces.networks.graph_cache import load_network
from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.core.arrays import Image
from data.execution.context import RunContext
from data.project.project import Project
from data.video.footage import default_interval_s, probe
from data.video.reader import sample_frames
from tests.benchmarks.arithmetic import arithmetic
from tests.benchmarks.machine import peak_flops
from tests.benchmarks.progress import Stopwatch
from tests.targets import verdict

UPSAMPLE: Final = 1
PROCESSES: Final = 2
TARGET_ONE: Final = 40.0
TARGET_TWO: Final = 20.0
_CHIPS: Final = 16
_SMALL: Final = (100, 100, 3)


@dataclass(frozen=True, slots=True)
class Amount:
    """Size of the measurement: rounds, frames of face_recognition per round, fancam's sampling."""

    rounds: int = 3
    reference_frames: int = 4
    every_s: float | None = None


QUICK: Final = Amount(rounds=1, reference_frames=2, every_s=1.0)
DLIB: Final = BackendSettings(upsample=UPSAMPLE)
BEST: Final = BackendSettings(detector="centerface", embedder="sface")


@dataclass(slots=True)
class Rates:
    """Frames per second, one entry per round."""

    ours: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)  # with CenterFace and SFace
    one_process: list[float] = field(default_factory=list)
    two_processes: list[float] = field(default_factory=list)
    frames: int = 0
    faces: int = 0


def report(path: Path, amount: Amount) -> list[str]:
    """Measure on the footage ``path`` and compare with the targets and the limit."""
    rates = measure(path, amount)
    lines = [
        f"Speed on {path.name}, frames per second, from file to stored embeddings (sides in turn)",
        f"  CenterFace and SFace, dlib's too    {_listed(rates.best)}",
        f"  dlib's networks, upsampled once     {_listed(rates.ours)}"
        f"   ({rates.frames} frames, {rates.faces} faces per round)",
        f"  face_recognition, one process       {_listed(rates.one_process)}",
        f"  face_recognition, {PROCESSES} processes       {_listed(rates.two_processes)}",
        _ratio_line("CenterFace and SFace", rates.best, "one process", rates.one_process),
        _ratio_line("dlib's networks", rates.ours, "one process", rates.one_process),
        _ratio_line(
            "dlib's networks", rates.ours, "two processes", rates.two_processes, target=TARGET_TWO
        ),
    ]
    return [*lines, *_limit(path, rates)]


def _ratio_line(
    name: str,
    rates: Sequence[float],
    other: str,
    other_rates: Sequence[float],
    *,
    target: float = TARGET_ONE,
) -> str:
    ratio = float(np.median(rates) / np.median(other_rates))
    met = verdict(ratio >= target)
    return f"  {name}: {ratio:.1f} times as fast as {other}, target {target:.0f} {met}"


def measure(path: Path, amount: Amount) -> Rates:
    """Run both sides in turn, the reference on a subset of fancam's sampled frames."""
    images = _sampled(path, amount)
    rates = Rates()
    load_face_recognition()
    with multiprocessing.get_context("spawn").Pool(PROCESSES, _warm_up) as pool:
        pool.map(_reference, [np.zeros(_SMALL, np.uint8)] * 2 * PROCESSES)
        for number in range(amount.rounds):
            some = images[number :: amount.rounds]
            rates.best.append(_ours(path, amount, BEST, rates))
            rates.ours.append(_ours(path, amount, DLIB, rates))
            rates.one_process.append(_one_process(some))
            rates.two_processes.append(_two_processes(pool, some))
    return rates


def every_s(path: Path, amount: Amount) -> float:
    """Return fancam's sampling interval on this footage, in seconds."""
    return amount.every_s or default_interval_s(probe(path).duration_s)


def _sampled(path: Path, amount: Amount) -> list[Image]:
    """Return an evenly spread subset of fancam's sampled frames."""
    images = [frame.image for frame in sample_frames(path, every_s=every_s(path, amount))]
    count = amount.rounds * amount.reference_frames
    return [images[i] for i in np.linspace(0, len(images) - 1, count).astype(int)]


def _ours(path: Path, amount: Amount, backend: BackendSettings, rates: Rates) -> float:
    """Return the frames per second of the stage, from the first frame to the tables on disk.

    The time includes writing pictures and clustering; the networks are loaded before.
    """
    watch = Stopwatch()
    settings = ClusterSettings(every_s=every_s(path, amount), backend=backend)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "bench.fancam")
        summary = cluster_faces(project, [path], settings, context=RunContext(watch))
    footage = summary.footages[0]
    rates.frames, rates.faces = footage.frames, footage.faces
    return footage.frames / (watch.began["writing"] - watch.began[footage.name])


def _one_process(images: Sequence[Image]) -> float:
    start = time.perf_counter()
    for image in images:
        _reference(image)
    return len(images) / (time.perf_counter() - start)


def _two_processes(pool: Pool, images: Sequence[Image]) -> float:
    start = time.perf_counter()
    pool.map(_reference, images, chunksize=1)
    return len(images) / (time.perf_counter() - start)


def _warm_up() -> None:
    load_face_recognition()


def _reference(image: Image) -> int:
    """Process a frame as a user of face_recognition does; return the number of faces."""
    api = load_face_recognition()
    places = api.face_locations(image, UPSAMPLE, model="cnn")
    return len(api.face_encodings(image, places))


def _limit(path: Path, rates: Rates) -> list[str]:
    """Compare the networks' arithmetic at this machine's peak with the time taken."""
    footage = probe(path)
    frame_wh = (footage.width, footage.height)
    count = arithmetic(frame_wh, upsample=UPSAMPLE)
    chips = 2 * rates.faces / max(rates.frames, 1)  # each also mirrored
    flops = count.per_frame + chips * count.per_chip
    peak = peak_flops()
    taken_s, min_s = 1 / float(np.median(rates.ours)), flops / peak
    network_s = _networks_alone_s(path, chips)
    return [
        f"  arithmetic per frame: detector {count.per_frame / 1e9:.2f} GFLOP, face network"
        f" {count.per_chip / 1e9:.2f} GFLOP x {chips:.1f} chips; peak of a float32 matrix product"
        f" {peak / 1e9:.0f} GFLOP/s",
        f"  a frame takes {taken_s * 1e3:.0f} ms; the networks alone {network_s * 1e3:.0f} ms"
        f" ({network_s / taken_s:.0%}); their arithmetic at peak {min_s * 1e3:.0f} ms"
        f" ({min_s / taken_s:.0%})",
    ]


def _networks_alone_s(path: Path, chips: float) -> float:
    """Measure seconds per frame of the two networks alone."""
    from clustering.faces.networks.pyramid import doubled_hw, tiling

    footage = probe(path)
    height, width = doubled_hw(footage.height, footage.width)
    columns, rows = tiling(width, height).size_wh
    noise = np.random.default_rng(0)
    tiled = noise.standard_normal((1, 3, rows, columns)).astype(np.float32)
    faces = noise.integers(0, 256, (_CHIPS, 150, 150, 3)).astype(np.uint8)
    return _median_s("detector", tiled) + chips * _median_s("embedder", faces) / _CHIPS


def _median_s(name: str, batch: NDArray[np.float32] | NDArray[np.uint8]) -> float:
    network = load_network("detector" if name == "detector" else "embedder")
    network(batch)
    took = []
    for _ in range(9):
        start = time.perf_counter()
        network(batch)
        took.append(time.perf_counter() - start)
    return float(np.median(took))


def _listed(values: Sequence[float]) -> str:
    listed = " ".join(f"{value:7.3f}" for value in values)
    return f"{float(np.median(values)):7.3f}  [{listed}]"
