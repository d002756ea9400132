"""fancam's DBSCAN against scikit-learn's: time, memory, equality of labels.

Each run has its own process, so that its memory can be measured; this module, run with arguments,
is that process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.machine import peak_memory_mb

EPS: Final = 0.5
MIN_SAMPLES: Final = 5
SIZES: Final = (1_000, 10_000, 100_000)
QUICK_SIZES: Final = (1_000, 5_000)
ROUNDS: Final = 3
ONCE_FROM: Final = 50_000  # points from which on one round is run
LIMIT_S: Final = 600
"""Time limit of a run of scikit-learn, which may also run out of memory."""

# dlib's embedding space as footage fills it: few of the 128 directions matter. Two faces of one
# person are about 0.4 apart, faces of two people 0.75 and more, and one face in twenty is blurred
# or turned and close to no person.
_DIRECTIONS: Final = 40.0
_WITHIN: Final = 0.4
_BETWEEN: Final = 0.75  # smallest distance between the centres of two people
_NOISE_SHARE: Final = 0.05
_SIZE: Final = 0.7  # of the cloud that people and outliers are drawn from

Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Result of one run, or why it failed."""

    seconds: float
    memory_mb: float  # above the use with the points loaded
    labels: NDArray[np.int64] | None
    failed: str = ""


def report(sizes: tuple[int, ...]) -> list[str]:
    """Measure every size, both implementations in turn."""
    lines = [f"DBSCAN, eps {EPS}, min_samples {MIN_SAMPLES}, medians; memory above the points' own"]
    lines.append("   points  clusters  noise |  ours    s     MB | scikit-learn  s     MB | labels")
    for size in sizes:
        rounds = ROUNDS if size < ONCE_FROM else 1
        with tempfile.TemporaryDirectory() as folder:
            points = Path(folder) / "points.npy"
            np.save(points, synthetic_faces(size))
            pairs = [(run("ours", points), run("scikit-learn", points)) for _ in range(rounds)]
        lines.append(_row(size, [one for one, _ in pairs], [other for _, other in pairs]))
    return lines


def synthetic_faces(size: int, *, seed: int = 0) -> Points:
    """Return embeddings ``(size, 128)`` of people, with realistic distances."""
    random = np.random.default_rng(seed)
    weight = np.exp(-np.arange(128) / _DIRECTIONS)
    weight /= np.sqrt((weight**2).sum())
    people = _people(max(round(size**0.5 / 3), 2), weight, random)
    who = random.integers(0, len(people), size)
    spread = _WITHIN / np.sqrt(2) * np.exp(random.normal(0, 0.15, (size, 1)))
    points = people[who] + random.standard_normal((size, 128)) * weight * spread
    noise = random.random(size) < _NOISE_SHARE
    points[noise] = random.standard_normal((int(noise.sum()), 128)) * weight * _SIZE * 1.3
    return np.asarray(points, np.float32)


def _people(
    count: int, weight: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the centres of people, ``(count, 128)``, none too close to another."""
    people = np.zeros((0, 128))
    while len(people) < count:
        one = random.standard_normal(128) * weight * _SIZE
        if not len(people) or np.linalg.norm(people - one, axis=1).min() >= _BETWEEN:
            people = np.vstack([people, one])
    return people


def run(side: str, points: Path) -> Run:
    """Cluster in a separate process."""
    labels = points.with_name(f"{side}.npy")
    command = [sys.executable, "-m", __name__, side, str(points), str(labels)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    except subprocess.TimeoutExpired:
        return Run(np.inf, np.nan, None, f"given up after {LIMIT_S} s")
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["killed, out of memory"])[-1]
        return Run(np.inf, np.nan, None, last)
    found = json.loads(done.stdout)
    return Run(found["seconds"], found["memory_mb"], np.load(labels))


def cluster(side: str, points: Points) -> NDArray[np.int64]:
    """Cluster with one of the implementations."""
    if side == "ours":
        from clustering.grouping.dbscan import dbscan

        return dbscan(points, eps=EPS, min_samples=MIN_SAMPLES)
    from sklearn.cluster import DBSCAN

    found = DBSCAN(eps=EPS, min_samples=MIN_SAMPLES, n_jobs=-1).fit_predict(points)
    return np.asarray(found, np.int64)


def _row(size: int, ours: list[Run], others: list[Run]) -> str:
    labels = ours[0].labels
    if labels is None:
        raise RuntimeError(f"our DBSCAN failed on {size} points: {ours[0].failed}")
    start = (
        f"{size:9,}  {int(labels.max()) + 1:8}  {(labels < 0).mean():5.1%} |"
        f" {_median(ours, 'seconds'):10.2f} {_median(ours, 'memory_mb'):6.0f} |"
    )
    if others[0].labels is None:
        return f"{start} {others[0].failed}"
    equal = all(
        one.labels is not None and np.array_equal(labels, one.labels) for one in (*ours, *others)
    )
    theirs = f"{_median(others, 'seconds'):14.2f} {_median(others, 'memory_mb'):6.0f}"
    ratio = _median(others, "seconds") / _median(ours, "seconds")
    return f"{start} {theirs} | {'equal' if equal else 'DIFFER'}, {ratio:.1f} times as fast"


def _median(runs: list[Run], name: str) -> float:
    return float(np.median([getattr(one, name) for one in runs]))


def _child() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("ours", "scikit-learn"))
    parser.add_argument("points", type=Path)
    parser.add_argument("labels", type=Path)
    parsed = parser.parse_args()
    points = np.load(parsed.points)
    cluster(parsed.side, points[:500])  # loads the libraries
    before_mb = peak_memory_mb()
    start = time.perf_counter()
    labels = cluster(parsed.side, points)
    seconds = time.perf_counter() - start
    np.save(parsed.labels, labels)
    print(json.dumps({"seconds": seconds, "memory_mb": peak_memory_mb() - before_mb}))


if __name__ == "__main__":
    _child()
