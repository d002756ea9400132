"""Damaged footages by number: the same number and seed give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.footage_kinds.fuzz.mutations import MUTATIONS, Random
from tests.footage_kinds.fuzz.seeds import CONTAINERS

Seeds = Mapping[str, list[Path]]
_OTHER_CONTAINER = 0.3
"""Share of the files that are mixed with one of another container."""


@dataclass(frozen=True, slots=True)
class Case:
    """One damaged footage.

    Args:
        seed: seed of the run.
        number: number of the footage in the run, from 0; containers follow each other in turn.
    """

    seed: int
    number: int

    @property
    def container(self) -> str:
        """Name of its container."""
        return list(CONTAINERS)[self.number % len(CONTAINERS)]

    @property
    def mutation(self) -> str:
        """Name of its mutation."""
        return list(MUTATIONS)[int(self._random().integers(len(MUTATIONS)))]

    @property
    def name(self) -> str:
        """Name of its file or folder."""
        container = CONTAINERS[self.container]
        return f"case-{self.number:06d}{container.suffix}"

    def write(self, seeds: Seeds, folder: Path) -> Path:
        """Write the footage into ``folder``; return its path."""
        random, path, mutation = self._random(), folder / self.name, MUTATIONS[self.mutation]
        random.integers(len(MUTATIONS))  # the number that chose the mutation
        sources, others = seeds[self.container], self._others(seeds, random)
        if not CONTAINERS[self.container].pictures:
            path.write_bytes(mutation(_any(sources, random), _any(others, random), random))
            return path
        path.mkdir()
        damaged = int(random.integers(1, len(sources) + 1))
        for number, source in enumerate(sources):
            content = source.read_bytes()
            if number < damaged:
                content = mutation(content, _any(others, random), random)
            (path / f"{number}{source.suffix}").write_bytes(content)
        return path

    def _others(self, seeds: Seeds, random: Random) -> list[Path]:
        """Return the files to mix with: mostly of the same container."""
        if random.random() < _OTHER_CONTAINER:
            return seeds[list(seeds)[random.integers(len(seeds))]]
        return seeds[self.container]

    def _random(self) -> Random:
        return np.random.default_rng([self.seed, self.number])


def _any(paths: list[Path], random: Random) -> bytes:
    return paths[random.integers(len(paths))].read_bytes()
