"""Time and processor time of each stage of `fancam`, from footage to page.

Run it alone: `python -m tests.benchmarks.whole [FOOTAGE]`; it takes as long as the commands: one
without training, and one with.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

import fancam.cli
from data.core.cores import available_cores
from data.core.progress import Progress
from data.execution.total_progress import TotalProgress
from data.video.footage import probe
from tests import SHARED
from tests.benchmarks.figures import store_figures
from tests.benchmarks.machine import describe

FOOTAGE: Final = SHARED / "footage" / "talkshow_a.mp4"
WEIGHTS: Final = SHARED / "weights" / "yolov5n_coco_body.pt"
BODY_WEIGHTS: Final = SHARED / "weights" / "yolo11n_int8_openvino_model"
TARGET_S: Final = {False: 150, True: 300}
"""Seconds from footage to page without and with training, of FOOTAGE on TARGET_CORES cores."""
TARGET_CORES: Final = 2
STAGES: Final = ("cluster-faces", "train-tracker", "track-people", "crop-people", "smile-gifs")


def report(
    footage: Path = FOOTAGE, weights: str = str(WEIGHTS), *, training: bool = False
) -> list[str]:
    """Run the command once in a new folder; return the lines of the report."""
    with tempfile.TemporaryDirectory() as folder, _measured() as took:
        project = str(Path(folder) / "whole.fancam")
        command = [str(footage), "--project", project, "--no-review"]
        command += ["--weights", weights] if training else ["--no-training"]
        command += ["--body-weights", str(BODY_WEIGHTS)] if BODY_WEIGHTS.exists() else []
        if code := fancam.cli.main(command):
            raise RuntimeError(f"fancam must succeed, got exit code {code}")
    seconds, busy = (sum(column) for column in zip(*took, strict=True))
    kind = "with training" if training else "without training"
    lines = [f"fancam {footage.name}, {probe(footage).duration_s:.0f} s of footage, {kind}"]
    names = [name for name in STAGES if training or name != "train-tracker"]
    for name, (stage_s, stage_busy) in zip(names, took, strict=True):
        lines.append(f"  {name:<14} {stage_s:6.0f} s   {stage_busy:6.0f} s of processors")
    target = TARGET_S[training]
    within = "within" if max(seconds, busy / TARGET_CORES) <= target else "over"
    lower_bound = f"{busy / TARGET_CORES:.0f} s of {TARGET_CORES} idle cores, at lower_bound"
    return [
        *lines,
        f"  {'all':<14} {seconds:6.0f} s   {busy:6.0f} s of processors"
        f" on {available_cores()} cores: {lower_bound}",
        f"  {within} the target of {target} s",
    ]


@contextmanager
def _measured() -> Iterator[list[tuple[float, float]]]:
    """Yield a list that collects seconds and processor seconds of each stage that runs inside."""
    took: list[tuple[float, float]] = []
    step = TotalProgress.step

    @contextmanager
    def measured(line: TotalProgress, number: int) -> Iterator[Progress]:
        began = time.monotonic(), _busy_s()
        with step(line, number) as progress:
            yield progress
        took.append((time.monotonic() - began[0], _busy_s() - began[1]))

    with patch.object(TotalProgress, "step", measured):
        yield took


def _busy_s() -> float:
    import resource  # not on Windows

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.whole", description=__doc__)
    parser.add_argument("footage", nargs="?", type=Path, default=FOOTAGE)
    parser.add_argument("--weights", default=str(WEIGHTS), help="as for fancam")
    parser.add_argument("--untrained", action="store_true", help="only the run without training")
    parser.add_argument("--update", action="store_true", help="store the figures without training")
    parsed = parser.parse_args()
    print(describe(), flush=True)
    lines = report(parsed.footage, parsed.weights)
    print("\n".join(lines), flush=True)
    if parsed.update:
        store_figures("whole", lines)
    if not parsed.untrained:
        trained = report(parsed.footage, parsed.weights, training=True)
        print("\n".join(trained), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
