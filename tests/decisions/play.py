"""Play random decisions and clusterings: ``python -m tests.decisions.play --seeds 5000``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the games and print the failing ones, each with its shortest sequence."""
    parser = argparse.ArgumentParser(prog="python -m tests.decisions.play", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="number of games (default: 30)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--steps", type=int, default=30, help="steps per game (default: 30)")
    chosen = parser.parse_args(arguments)
    start, failed = time.monotonic(), 0
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        steps = random_steps(seed, chosen.steps)
        if played(seed, steps) is None:
            continue
        failed += 1
        fewer = shortest(seed, steps)
        print(f"seed {seed}: {played(seed, fewer)}")
        for step in fewer:
            print(f"  {step}", flush=True)
    took_s = time.monotonic() - start
    print(f"{chosen.seeds} seeds of {chosen.steps} steps in {took_s:.0f} s, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
