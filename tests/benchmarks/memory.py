"""Peak memory of `cluster-faces` on long 1080p footage; as a module, the measured process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from data.execution.context import RunContext
from data.sample.film import FPS, draw_film
from tests.benchmarks.machine import peak_memory_mb
from tests.targets import verdict

SIZE_WH: Final = (1920, 1080)
LOOP_S: Final = 10.0
MINUTES: Final = (10, 60)
QUICK_MINUTES: Final = (1, 4)
ROUTINE_EVERY_S: Final = 4.6
"""Short enough that the shorter run also writes a part of its table while frames are in flight,
which loads libraries once, whatever the length; and no divisor of the loop, which starts with its
keyframe, so that much of the film is decoded."""
FULL_EVERY_S: Final = 1.0
TARGET_MB: Final = 2048.0
GROWTH_MB_PER_HOUR: Final = 100.0
"""The faces themselves: an hour has some 10,000 of 3 KB, held a few times while clustering."""


@dataclass(frozen=True, slots=True)
class Use:
    """Resource use of one run."""

    minutes: float
    frames: int
    faces: int
    peak_mb: float
    seconds: float


def report(minutes: tuple[int, ...], every_s: float) -> list[str]:
    """Run `cluster-faces` on footage of each length and compare the peaks with the target."""
    lines = [f"Memory, 1080p looped to length, a frame every {every_s:g} s"]
    with tempfile.TemporaryDirectory() as folder:
        loop = Path(folder) / "loop.mp4"
        draw_film(loop, duration_s=LOOP_S, size_wh=SIZE_WH)
        uses = [_measured(Path(folder), loop, length, every_s) for length in minutes]
    for use in uses:
        lines.append(
            f"  {use.minutes:4.0f} min: peak {use.peak_mb:5.0f} MB"
            f"  ({use.frames} frames, {use.faces} faces, {use.seconds:.0f} s)"
        )
    most = max(use.peak_mb for use in uses)
    grown = uses[-1].peak_mb - uses[0].peak_mb
    lines.append(
        f"  target: under {TARGET_MB:.0f} MB {verdict(most < TARGET_MB)}; grown by {grown:.0f} MB"
        f" {verdict(grown < GROWTH_MB_PER_HOUR)}"
    )
    return lines


def make_long(loop: Path, path: Path, duration_s: float) -> None:
    """Repeat the packets of ``loop`` up to ``duration_s`` without encoding again."""
    import av

    with av.open(str(path), "w") as target, av.open(str(loop)) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        out = target.add_stream_from_template(stream)
        length = round(Fraction(stream.frames) / FPS / Fraction(stream.time_base or 1))
        times = [(packet.pts or 0, packet.dts or 0) for packet in packets]
        for number in range(round(duration_s * FPS / stream.frames)):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                packet.stream = out
                packet.pts, packet.dts = pts + number * length, dts + number * length
                target.mux(packet)


def _measured(folder: Path, loop: Path, minutes: int, every_s: float) -> Use:
    footage = folder / f"long {minutes}.mp4"
    make_long(loop, footage, minutes * 60)
    project = folder / f"long {minutes}.fancam"
    command = [sys.executable, "-m", __name__, str(footage), str(project), str(every_s)]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    seconds = time.perf_counter() - start
    footage.unlink()
    return Use(minutes, found["frames"], found["faces"], found["peak_mb"], seconds)


def _child(footage: Path, project: Path, every_s: float) -> None:
    from clustering.faces.backends import BackendSettings
    from clustering.settings import ClusterSettings
    from clustering.stage import cluster_faces
    from data.project.project import Project
    from tests.benchmarks.progress import Stopwatch

    backend = BackendSettings(detector="centerface", embedder="sface")
    settings = ClusterSettings(every_s=every_s, backend=backend)
    summary = cluster_faces(Project(project), [footage], settings, context=RunContext(Stopwatch()))
    one = summary.footages[0]
    print(json.dumps({"frames": one.frames, "faces": one.faces, "peak_mb": peak_memory_mb()}))


if __name__ == "__main__":
    _child(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
