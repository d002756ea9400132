"""`make quality`: accuracy of the clustering, on real labelled clips and on the drawn film."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests import SHARED
from tests.quality.clips import SAMPLINGS, Clip, drawn_clip, labelled_clips, load_extractor
from tests.quality.figures import figures_of, read_figures, worse, write_figures
from tests.quality.photographs import score_photographs
from tests.quality.report import ablation_table, clip_table, photograph_table, together_table
from tests.quality.scores import mean, ours


def main() -> int:
    """Print every table; with --update, store the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parser.add_argument("--no-photographs", action="store_true", help="skip the photographs")
    parsed = parser.parse_args()
    start = time.monotonic()
    drawn, real = _extract_clips()
    for sampling in SAMPLINGS:
        _print(clip_table([*real, drawn], sampling))
    if real:
        _print(ablation_table(real))
        _print(together_table(real))
        if not parsed.no_photographs:
            _print(photograph_table(score_photographs(SHARED)))
    failed = _store_or_compare(drawn, real, update=parsed.update)
    print(f"\n{time.monotonic() - start:.0f} s")
    return failed


def _extract_clips() -> tuple[Clip, list[Clip]]:
    """Extract the faces of every clip once, for all tables; nothing is cached for another run."""
    extractor = load_extractor()
    with tempfile.TemporaryDirectory() as folder:
        drawn = drawn_clip(Path(folder), extractor)
    if not SHARED.is_dir():
        print("the real footage of ../shared is missing: only the drawn film is scored")
        return drawn, []
    return drawn, list(labelled_clips(SHARED, extractor))


def _store_or_compare(drawn: Clip, real: list[Clip], *, update: bool) -> int:
    means = (
        {s: mean([ours(clip.by_sampling[s]) for clip in real]) for s in SAMPLINGS} if real else {}
    )
    measured = figures_of(means, {s: ours(drawn.by_sampling[s]) for s in SAMPLINGS})
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
