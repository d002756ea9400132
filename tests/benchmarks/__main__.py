"""`make bench`: speed against face_recognition, scikit-learn, ultralytics and ffmpeg; memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from data.sample.film import draw_film
from tests.benchmarks import cropping, dbscan, memory, scaling, serving, speed, tracking
from tests.benchmarks.machine import describe
from tests.conftest import SHARED

PARTS = ("speed", "dbscan", "memory", "tracking", "cropping", "serving", "scaling")


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small inputs: does it still run?")
    parser.add_argument(
        "--full", action="store_true", help="memory at 1 frame a second, as by default in use"
    )
    parsed = parser.parse_args()
    parts = parsed.parts or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    start = time.monotonic()
    print(describe(), flush=True)
    if "speed" in parts:
        _speed(quick=parsed.quick)
    if "dbscan" in parts:
        _print(dbscan.report(dbscan.QUICK_SIZES if parsed.quick else dbscan.SIZES))
    if "memory" in parts:
        minutes = memory.QUICK_MINUTES if parsed.quick else memory.MINUTES
        every_s = memory.FULL_EVERY_S if parsed.full else memory.ROUTINE_EVERY_S
        _print(memory.report(minutes, every_s))
    if "tracking" in parts:
        with tempfile.TemporaryDirectory() as folder:
            footage = tracking.talkshow(Path(folder))
            project = tracking.prepared(footage, Path(folder))
            _print(tracking.report(project, footage, rounds=1 if parsed.quick else 3))
    if "cropping" in parts:
        for lines in cropping.all_reports(rounds=1 if parsed.quick else 3):
            _print(lines)
    if "serving" in parts:
        seconds = serving.QUICK_SECONDS if parsed.quick else serving.SECONDS
        _print(serving.report(seconds))
    if "scaling" in parts:
        with tempfile.TemporaryDirectory() as folder:
            length = scaling.QUICK_SECONDS if parsed.quick else scaling.SECONDS
            rounds = 1 if parsed.quick else 3
            _print(scaling.report(Path(folder), seconds=length, rounds=rounds))
    print(f"\n{time.monotonic() - start:.0f} s")
    return 0


def _speed(*, quick: bool) -> None:
    amount = speed.QUICK if quick else speed.Amount()
    footage = SHARED / "footage" / "talkshow_a.mp4"
    if footage.exists():
        _print(speed.report(footage, amount))
        return
    print("\nthe real footage of ../shared is not on this machine: the drawn film instead")
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        draw_film(film)
        _print(speed.report(film, amount))


def _print(lines: list[str]) -> None:
    print("\n" + "\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
