"""`make bench`: speed against face_recognition, scikit-learn, ultralytics and ffmpeg; memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from data.sample.film import draw_film
from tests import SHARED
from tests.benchmarks import (
    cropping,
    dbscan,
    detectors,
    memory,
    network,
    pages,
    scaling,
    serving,
    speed,
    tracking,
    watching,
)
from tests.benchmarks.figures import PATTERNS, store_figures
from tests.benchmarks.machine import describe


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"parts to run, of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small inputs, to check that it runs")
    parser.add_argument(
        "--full",
        action="store_true",
        help="memory at the default sampling of 1 frame per second; ten minutes of watching",
    )
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parsed = parser.parse_args()
    parts = parsed.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    start = time.monotonic()
    print(describe(), flush=True)
    for part in [part for part in PARTS if part in parts]:
        for lines in PARTS[part](parsed):
            print("\n" + "\n".join(lines), flush=True)
            if parsed.update and part in PATTERNS:
                store_figures(part, lines)
    print(f"\n{time.monotonic() - start:.0f} s")
    return 0


def _rounds(parsed: argparse.Namespace) -> int:
    return 1 if parsed.quick else 3


def _speed(parsed: argparse.Namespace) -> Iterator[list[str]]:
    amount = speed.QUICK if parsed.quick else speed.Amount()
    footage = SHARED / "footage" / "talkshow_a.mp4"
    if footage.exists():
        yield speed.report(footage, amount)
        return
    yield ["the real footage of ../shared is missing: measuring the drawn film instead"]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        draw_film(film)
        yield speed.report(film, amount)


def _detectors(parsed: argparse.Namespace) -> Iterator[list[str]]:
    frames = detectors.QUICK_FRAMES if parsed.quick else detectors.FRAMES
    yield detectors.report(frames, _rounds(parsed))


def _dbscan(parsed: argparse.Namespace) -> Iterator[list[str]]:
    yield dbscan.report(dbscan.QUICK_SIZES if parsed.quick else dbscan.SIZES)


def _memory(parsed: argparse.Namespace) -> Iterator[list[str]]:
    minutes = memory.QUICK_MINUTES if parsed.quick else memory.MINUTES
    yield memory.report(minutes, memory.FULL_EVERY_S if parsed.full else memory.ROUTINE_EVERY_S)


def _tracking(parsed: argparse.Namespace) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        footage = tracking.talkshow(Path(folder))
        project = tracking.prepared(footage, Path(folder))
        yield tracking.report(project, footage, rounds=_rounds(parsed))


def _cropping(parsed: argparse.Namespace) -> Iterator[list[str]]:
    yield from cropping.all_reports(rounds=_rounds(parsed))


def _serving(parsed: argparse.Namespace) -> Iterator[list[str]]:
    yield serving.report(serving.QUICK_SECONDS if parsed.quick else serving.SECONDS)


def _watching(parsed: argparse.Namespace) -> Iterator[list[str]]:
    if parsed.full:
        yield watching.report(watching.MINUTES)
    else:
        yield watching.report(watching.QUICK_MINUTES if parsed.quick else watching.ROUTINE_MINUTES)


def _network(parsed: argparse.Namespace) -> Iterator[list[str]]:
    yield network.report(network.QUICK_SECONDS if parsed.quick else network.SECONDS)


def _pages(parsed: argparse.Namespace) -> Iterator[list[str]]:
    yield pages.report(pages.QUICK_VISITS if parsed.quick else pages.VISITS)


def _scaling(parsed: argparse.Namespace) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        length_s = scaling.QUICK_SECONDS if parsed.quick else scaling.SECONDS
        yield scaling.report(Path(folder), seconds=length_s, rounds=_rounds(parsed))


PARTS: Final[dict[str, Callable[[argparse.Namespace], Iterator[list[str]]]]] = {
    "speed": _speed,
    "detectors": _detectors,
    "dbscan": _dbscan,
    "memory": _memory,
    "tracking": _tracking,
    "cropping": _cropping,
    "serving": _serving,
    "watching": _watching,
    "network": _network,
    "pages": _pages,
    "scaling": _scaling,
}


if __name__ == "__main__":
    sys.exit(main())
