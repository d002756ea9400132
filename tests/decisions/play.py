"""Play random decisions and clusterings: ``python -m tests.decisions.play --seeds 5000``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.decisions.decider import Step
from tests.decisions.game import game_steps, play

StepsOf = Callable[[int, int], list[Step]]
Played = Callable[[int, list[Step]], str | None]


def played(seed: int, steps: list[Step]) -> str | None:
    """Play a game in a new file; return what broke, or None."""
    with tempfile.TemporaryDirectory() as folder:
        return play(Path(folder) / "people.sqlite", seed, steps)


def shortest(seed: int, steps: list[Step], played: Played) -> list[Step]:
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


def report(seed: int, count: int, steps_of: StepsOf, played: Played) -> list[str]:
    """Play a game of ``count`` steps; return the lines about its failure, none if it holds."""
    steps = steps_of(seed, count)
    if played(seed, steps) is None:
        return []
    fewer = shortest(seed, steps, played)
    return [f"seed {seed}: {played(seed, fewer)}", *(f"  {step}" for step in fewer)]


def main(
    name: str, steps_of: StepsOf, played: Played, arguments: Sequence[str] | None = None
) -> int:
    """Play the games and print the failing ones, each with its shortest sequence.

    Args:
        name: name of the module.
        steps_of: returns the steps of a seed.
        played: plays the steps of a seed; returns what broke, or None.
        arguments: the command's arguments; None for those of this process.
    """
    parser = argparse.ArgumentParser(prog=f"python -m tests.decisions.{name}")
    parser.add_argument("--seeds", type=int, default=30, help="number of games (default: 30)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--steps", type=int, default=30, help="steps per game (default: 30)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: 1)")
    chosen = parser.parse_args(arguments)
    start, failed = time.monotonic(), 0
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    play_one = partial(report, count=chosen.steps, steps_of=steps_of, played=played)
    with ProcessPoolExecutor(chosen.workers) as pool:
        for number, lines in enumerate(pool.map(play_one, seeds), start=1):
            failed += bool(lines)
            for line in lines:
                print(line, flush=True)
            if number % 100 == 0:
                print(f"{number} played", file=sys.stderr, flush=True)
    took_s = time.monotonic() - start
    print(f"{chosen.seeds} seeds of {chosen.steps} steps in {took_s:.0f} s, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main("play", game_steps, played))
