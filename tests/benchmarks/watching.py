"""Sync of the people's videos during random switches and seeks.

Run it alone: `python -m tests.benchmarks.watching`; ten minutes, or `--minutes`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks.machine import describe
from tests.targets import verdict
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.random_play import Played, play
from tests.web.serving import open_browser, running

MINUTES: Final = 10.0
ROUTINE_MINUTES: Final = 2.0
QUICK_MINUTES: Final = 0.2
_SONG_S: Final = 30.0


def report(minutes: float = MINUTES) -> list[str]:
    """Play for some minutes in a browser; report in one line if there is none."""
    name = f"Watching: three people, {minutes:g} minutes of random switches and seeks"
    with tempfile.TemporaryDirectory() as folder:
        drawing = Drawing(("Anna", "Ben", "Cleo"), _SONG_S, (96, 120), gifs=False, alike=True)
        project = draw_crops(Path(folder) / "song.fancam", drawing)
        try:
            with running([project.folder]) as served, open_browser() as browser:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                return _lines(name, play(page, served.address, seconds=60 * minutes))
        except pytest.skip.Exception as missing:
            return [name, f"  {missing}"]


def _lines(name: str, played: Played) -> list[str]:
    met = verdict(played.within(0.98) <= 1)
    return [
        f"{name}: {played.acts}",
        f"  drift: {len(played.drift)} measured, median {played.within(0.5):.2f} frames, 98 %"
        f" within {played.within(0.98):.2f}; target 1 {met}",
        f"    {100 * played.in_step:.1f} % within one frame, all within {played.within(1):.1f}",
        f"  picture on the stage: off by {played.picture_off:.2f} frames, the median of"
        f" {len(played.picture)}",
    ]


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.watching")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parsed = parser.parse_args()
    print(describe())
    print("\n".join(report(parsed.minutes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
