"""`make quality`: accuracy of the clustering, on real labelled clips and on the drawn film."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from clustering.faces.backends import BackendSettings
from data.inference.models.catalogue import NAMES
from data.inference.models.store import is_installed
from tests import SHARED
from tests.quality.clips import (
    BEST,
    CNN,
    SAMPLINGS,
    Clip,
    drawn_clip,
    labelled_clips,
    load_extractor,
    without_sface,
)
from tests.quality.figures import (
    DLIB_ALONE,
    Figures,
    measured_figures,
    photograph_figures,
    read_figures,
    worse,
    write_figures,
)
from tests.quality.photographs import score_photographs
from tests.quality.report import ablation_table, clip_table, photograph_table, together_table


def main() -> int:
    """Print every table; with --update, store the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parser.add_argument("--no-photographs", action="store_true", help="skip the photographs")
    parsed = parser.parse_args()
    start = time.monotonic()
    if not all(is_installed(name) for name in NAMES):
        print("CenterFace and SFace are not installed; run fancam models fetch")
        return 2
    best, cnn = _extract_clips(BEST), _extract_clips(CNN)
    for sampling in SAMPLINGS:
        _print(clip_table(best, cnn, sampling))
    dlib = [without_sface(clip) for clip in cnn]
    measured = {**measured_figures(best), **measured_figures(dlib, DLIB_ALONE)}
    if SHARED.is_dir():
        _print(ablation_table(best, cnn))
        _print(together_table(best, cnn))
        if not parsed.no_photographs:
            photographs = score_photographs(SHARED)
            _print(photograph_table(photographs))
            measured |= photograph_figures(photographs)
    failed = _store_or_compare(measured, update=parsed.update)
    print(f"\n{time.monotonic() - start:.0f} s")
    return failed


def _extract_clips(settings: BackendSettings) -> list[Clip]:
    """Extract the faces of every clip once, for all tables; nothing is cached for another run."""
    extractor = load_extractor(settings)
    with tempfile.TemporaryDirectory() as folder:
        drawn = drawn_clip(Path(folder), extractor)
    if not SHARED.is_dir():
        print("the real footage of ../shared is missing: only the drawn film is scored")
        return [drawn]
    return [*labelled_clips(SHARED, extractor), drawn]


def _store_or_compare(measured: Figures, *, update: bool) -> int:
    if update:
        write_figures(measured)
        print("\nfigures written")
        return 0
    lines = worse(measured, read_figures())
    print("\n" + ("\n".join(lines) or "no figure is below the committed ones"))
    return int(bool(lines))


def _print(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
