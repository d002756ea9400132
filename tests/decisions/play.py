"""Play random decisions and clusterings: ``python -m tests.decisions.play --seeds 5000``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.decisions.game import Step, play, random_steps


def played(seed: int, steps: list[Step]) -> str | None:
    """Play a game in a new file; return what broke, or None."""
    with tempfile.TemporaryDirectory() as folder:
        return play(Path(folder) / "people.sqlite", seed, steps)


def shortest(seed: int, steps: list[Step]) -> list[Step]:
    """Remove every step without which the game still fails."""
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            fewer = steps[:start] + steps[start + size :]
            if played(seed, fewer) is not None:
                steps = fewer
            else:
                start += size
        size //= 2
    return steps


def report(seed: int, count: int) -> list[str]:
    """Play a game of ``count`` steps; return the lines about its failure, none if it holds."""
    steps = random_steps(seed, count)
    if played(seed, steps) is None:
        return []
    fewer = shortest(seed, steps)
    return [f"seed {seed}: {played(seed, fewer)}", *(f"  {step}" for step in fewer)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the games and print the failing ones, each with its shortest sequence."""
    parser = argparse.ArgumentParser(prog="python -m tests.decisions.play", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="number of games (default: 30)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--steps", type=int, default=30, help="steps per game (default: 30)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: 1)")
    chosen = parser.parse_args(arguments)
    start, failed = time.monotonic(), 0
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    with ProcessPoolExecutor(chosen.workers) as pool:
        reports = pool.map(report, seeds, [chosen.steps] * len(seeds), chunksize=8)
        for number, lines in enumerate(reports, start=1):
            failed += bool(lines)
            for line in lines:
                print(line, flush=True)
            if number % 100 == 0:
                print(f"{number} played", file=sys.stderr, flush=True)
    took_s = time.monotonic() - start
    print(f"{chosen.seeds} seeds of {chosen.steps} steps in {took_s:.0f} s, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
