"""Any number of made-up faces of many people, drawn around what real embeddings measure.

People lie around the mean face as real people do (the covariance between people), the faces of one
around its own (the covariance within, as far away as the faces of real photographs are, the poor
ones farther), and all of them about as far from the origin as dlib's network puts faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.quality import quality
from data.tables.faces import Faces
from tests.clustering.labelled_footage import table

FILE: Final = Path(__file__).with_name("scale_statistics.npz")
"""Of ../shared/faces; written by `python -m tests.benchmarks.scale --statistics`."""
PERCENTILES: Final = (0.1, 1, 5, 25, 50, 75, 95, 99)
SIZES_SPREAD: Final = 1.2
"""Of the logarithm of how many faces each has: the middle one of 5,000 has half the mean, one in a
hundred eight times it."""
_AT_ONCE: Final = 50_000  # faces drawn together
_FACE_PX: Final = 100

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What real faces measure; of the mean of a face's embedding and its mirrored chip's."""

    mean: Matrix  # (128,)
    between: Matrix  # (128, 128) a square root of the covariance of people
    within: Matrix  # (128, 128) of the faces of one person
    mirror: Matrix  # (128, 128) of half of what mirroring changes
    length: Matrix  # (n,) how far each real face is from its person's mean ...
    quality: Matrix  # (n,) ... and how good it is
    person_spread: float  # of the logarithm of how far a person's faces are from their mean
    norms: tuple[float, float]  # mean and deviation of the faces' own
    same: Matrix  # distances of two real faces of one person, at PERCENTILES
    different: Matrix  # of two people


def measure(faces: Faces, person: NDArray[np.int64]) -> Statistics:
    """Measure real faces ``(n,)`` of people from 0 who have two or more each."""
    both = ((faces.embedding + faces.embedding_mirrored) / 2).astype(np.float64)
    half = ((faces.embedding - faces.embedding_mirrored) / 2).astype(np.float64)
    counts = np.bincount(person)
    means = np.stack([both[person == number].mean(axis=0) for number in range(len(counts))])
    # A face is part of its person's mean, and so nearer to it than to the truth.
    own = (both - means[person]) * np.sqrt(counts / (counts - 1))[person, None]
    within = own.T @ own / len(own)
    between = np.cov(means.T) - within * (1 / counts).mean()
    length = np.linalg.norm(own, axis=1)
    typical = np.array([np.log(length[person == n]).mean() for n in range(len(counts))])
    chance = np.var(np.log(length) - typical[person]) / counts.mean()
    norms = np.linalg.norm(both, axis=1)
    same, different = distances(both, person)
    return Statistics(
        mean=both.mean(axis=0),
        between=_root(between),
        within=_root(within),
        mirror=_root(half.T @ half / len(half)),
        length=length / np.exp(typical - typical.mean())[person],
        quality=quality(faces).astype(np.float64),
        person_spread=float(np.sqrt(max(np.var(typical) - chance, 0))),
        norms=(float(norms.mean()), float(norms.std())),
        same=np.percentile(same, PERCENTILES),
        different=np.percentile(different, PERCENTILES),
    )


def distances(points: NDArray[Any], person: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Distances of all pairs of one person, and of two."""
    squares = (points**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0))
    pairs = np.triu_indices(len(points), 1)
    same = (person[:, None] == person[None])[pairs]
    return np.asarray(apart[pairs][same]), np.asarray(apart[pairs][~same])


def _root(covariance: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float64)


def save(statistics: Statistics, path: Path = FILE) -> None:
    """Write in half precision: 100 KB."""
    values: dict[str, Any] = {
        name: np.asarray(getattr(statistics, name), np.float16) for name in Statistics.__slots__
    }
    np.savez_compressed(path, **values)


def load(path: Path = FILE) -> Statistics:
    """Read what `save` wrote."""
    with np.load(path) as stored:
        values: dict[str, Any] = {n: stored[n].astype(np.float64) for n in Statistics.__slots__}
    values["person_spread"] = float(values["person_spread"])
    values["norms"] = tuple(values["norms"].tolist())
    return Statistics(**values)


def shares(people: int, *, seed: int = 0) -> Matrix:
    """Of all faces, ``(people,)``: a few people are seen very often, most of them seldom."""
    seen = np.exp(np.random.default_rng(seed).normal(0, SIZES_SPREAD, people))
    return np.asarray(seen / seen.sum(), np.float64)


def in_a_pile(size: int, share: Matrix, *, seed: int = 0) -> NDArray[np.int64]:
    """Whose each of ``size`` faces is, in any order; somebody may be left without."""
    return np.random.default_rng(seed).choice(len(share), size, p=share)


def in_footages(size: int, share: Matrix, *, footages: int, cast: int) -> NDArray[np.int64]:
    """Whose each of ``size`` faces is, footage by footage, a few people in each."""
    parts = []
    for number in range(footages):
        random = np.random.default_rng(number)
        who = random.choice(len(share), min(cast, len(share)), replace=False, p=share)
        often = share[who] / share[who].sum()
        parts.append(who[in_a_pile(size // footages, often, seed=number)])
    return np.concatenate(parts)


def draw(statistics: Statistics, person: NDArray[np.int64], *, seed: int = 0) -> Faces:
    """Draw a face of each of ``person``, ``(n,)`` from 0, one a frame."""
    random = np.random.default_rng(seed)
    size, people = len(person), int(person.max(initial=-1)) + 1
    centre = statistics.mean + random.standard_normal((people, 128)) @ statistics.between.T
    spread = np.exp(random.normal(0, statistics.person_spread, people))
    which = random.integers(0, len(statistics.length), size)
    embedding, mirrored = np.empty((2, size, 128), np.float32)
    for start in range(0, size, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        length = statistics.length[which[some]] * spread[person[some]]
        both = centre[person[some]] + _cloud(random, statistics.within, length)
        both *= _nearer_norms(both, *statistics.norms)[:, None]
        half = random.standard_normal(both.shape) @ statistics.mirror.T
        embedding[some], mirrored[some] = both + half, both - half
    return _table(embedding, mirrored, statistics.quality[which])


def _cloud(random: np.random.Generator, root: Matrix, length: Matrix) -> Matrix:
    """Points ``(n, 128)`` so far from 0, in the directions that the covariance has."""
    points = random.standard_normal((len(length), 128)) @ root.T
    return np.asarray(points * (length / np.linalg.norm(points, axis=1))[:, None], np.float64)


def _nearer_norms(points: Matrix, mean: float, deviation: float) -> Matrix:
    """Factors, ``(n,)``, by which the points' norms come to have that mean and deviation."""
    norms = np.linalg.norm(points, axis=1)
    own = max(float(norms.std()), 1e-9)
    return np.asarray((mean + (norms - norms.mean()) * deviation / own) / norms, np.float64)


def _table(embedding: NDArray[Any], mirrored: NDArray[Any], good: Matrix) -> Faces:
    """Faces of photographs, one each, that are as good as they are."""
    size = len(good)
    box = (0, 0, _FACE_PX, _FACE_PX)
    faces = table(Faces, size, xyxy=box, score=1, sharpness=good / 2, tracklet=-1)
    frame = np.arange(size)
    columns = {"embedding": embedding, "embedding_mirrored": mirrored}
    return faces.replace(frame_index=frame, time_s=frame.astype(np.float64), **columns)
