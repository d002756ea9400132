"""Synthetic faces of many people, drawn from the statistics of real embeddings.

People are distributed around the mean face with the covariance between real people; the faces of
one person around that person's mean, with the covariance within real people and their distances
(poor faces farther away). Directions and lengths are those of SFace's embeddings; dlib's are zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.embedding_space import SFACE_SCALE, face_embeddings
from data.tables.faces import Faces
from tests.clustering.labelled_footage import table

FILE: Final = Path(__file__).with_name("scale_statistics.npz")
"""Statistics of ../shared/faces, written by `python -m tests.benchmarks.scale --statistics`."""
PERCENTILES: Final = (0.1, 1, 5, 25, 50, 75, 95, 99)
SIZES_SPREAD: Final = 1.2
"""Deviation of the logarithm of the faces per person: of 5,000 people the median has half the mean,
one in a hundred eight times the mean."""
_AT_ONCE: Final = 50_000  # faces drawn per batch
_FACE_PX: Final = 100

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Statistics of real faces in SFace's space, as `face_embeddings` scales it."""

    mean: Matrix  # (128,)
    between: Matrix  # (128, 128) square root of the covariance between people
    within: Matrix  # (128, 128) square root of the covariance within a person
    mirror: Matrix  # (128, 128) square root of the covariance of half the change by mirroring
    length: Matrix  # (n,) distance of each real face from its person's mean ...
    norm: Matrix  # (n,) ... and the length of its embedding before it is normalised
    person_spread: float  # deviation of the logarithm of a person's distances from their mean
    same: Matrix  # distances of two real faces of one person, at PERCENTILES
    different: Matrix  # distances of real faces of two people, at PERCENTILES


def measure(faces: Faces, person: NDArray[np.int64]) -> Statistics:
    """Measure real faces ``(n,)`` of people numbered from 0, each with two faces or more."""
    both = face_embeddings(faces).astype(np.float64)
    norm = np.linalg.norm((faces.sface + faces.sface_mirrored).astype(np.float64) / 2, axis=1)
    change = (faces.sface - faces.sface_mirrored).astype(np.float64) / 2
    half = change * (SFACE_SCALE / norm)[:, None]
    counts = np.bincount(person)
    means = np.stack([both[person == number].mean(axis=0) for number in range(len(counts))])
    # A face is part of its person's mean, and so closer to it than to the true mean.
    own = (both - means[person]) * np.sqrt(counts / (counts - 1))[person, None]
    within = own.T @ own / len(own)
    between = np.cov(means.T) - within * (1 / counts).mean()
    length = np.linalg.norm(own, axis=1)
    typical = np.array([np.log(length[person == n]).mean() for n in range(len(counts))])
    chance = np.var(np.log(length) - typical[person]) / counts.mean()
    same, different = distances(both, person)
    return Statistics(
        mean=both.mean(axis=0),
        between=_root(between),
        within=_root(within),
        mirror=_root(half.T @ half / len(half)),
        length=length / np.exp(typical - typical.mean())[person],
        norm=norm,
        person_spread=float(np.sqrt(max(np.var(typical) - chance, 0))),
        same=np.percentile(same, PERCENTILES),
        different=np.percentile(different, PERCENTILES),
    )


def distances(points: NDArray[Any], person: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Return the distances of all pairs within one person, and between two."""
    squares = (points**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0))
    pairs = np.triu_indices(len(points), 1)
    same = (person[:, None] == person[None])[pairs]
    return np.asarray(apart[pairs][same]), np.asarray(apart[pairs][~same])


def _root(covariance: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float64)


def save(statistics: Statistics, path: Path = FILE) -> None:
    """Write statistics in half precision: 100 KB."""
    values: dict[str, Any] = {
        name: np.asarray(getattr(statistics, name), np.float16) for name in Statistics.__slots__
    }
    np.savez_compressed(path, **values)


def load(path: Path = FILE) -> Statistics:
    """Read statistics written by `save`."""
    with np.load(path) as stored:
        values: dict[str, Any] = {n: stored[n].astype(np.float64) for n in Statistics.__slots__}
    values["person_spread"] = float(values["person_spread"])
    return Statistics(**values)


def shares(people: int, *, seed: int = 0) -> Matrix:
    """Return each person's share of all faces, ``(people,)``: a few very often, most rarely."""
    seen = np.exp(np.random.default_rng(seed).normal(0, SIZES_SPREAD, people))
    return np.asarray(seen / seen.sum(), np.float64)


def mixed_people(size: int, share: Matrix, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the person of each of ``size`` faces, in random order; a person may have none."""
    return np.random.default_rng(seed).choice(len(share), size, p=share)


def people_by_footage(size: int, share: Matrix, *, footages: int, cast: int) -> NDArray[np.int64]:
    """Return the person of each of ``size`` faces, footage by footage, a few people in each."""
    parts = []
    for number in range(footages):
        random = np.random.default_rng(number)
        who = random.choice(len(share), min(cast, len(share)), replace=False, p=share)
        often = share[who] / share[who].sum()
        parts.append(who[mixed_people(size // footages, often, seed=number)])
    return np.concatenate(parts)


def draw(statistics: Statistics, person: NDArray[np.int64], *, seed: int = 0) -> Faces:
    """Draw one face per entry of ``person``, ``(n,)`` from 0, one per frame."""
    random = np.random.default_rng(seed)
    size, people = len(person), int(person.max(initial=-1)) + 1
    centre = statistics.mean + random.standard_normal((people, 128)) @ statistics.between.T
    spread = np.exp(random.normal(0, statistics.person_spread, people))
    which = random.integers(0, len(statistics.length), size)
    sface, mirrored = np.empty((2, size, 128), np.float32)
    for start in range(0, size, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        length = statistics.length[which[some]] * spread[person[some]]
        both = centre[person[some]] + _cloud(random, statistics.within, length)
        both *= (SFACE_SCALE / np.linalg.norm(both, axis=1))[:, None]
        half = random.standard_normal(both.shape) @ statistics.mirror.T
        norm = (statistics.norm[which[some]] / SFACE_SCALE)[:, None]
        sface[some], mirrored[some] = (both + half) * norm, (both - half) * norm
    return _table(sface, mirrored)


def _cloud(random: np.random.Generator, root: Matrix, length: Matrix) -> Matrix:
    """Return points ``(n, 128)`` at these distances from 0, in directions of the covariance."""
    points = random.standard_normal((len(length), 128)) @ root.T
    return np.asarray(points * (length / np.linalg.norm(points, axis=1))[:, None], np.float64)


def _table(sface: NDArray[Any], mirrored: NDArray[Any]) -> Faces:
    """Return faces of photographs, one per photograph, with these embeddings ``(n, 128)``."""
    size = len(sface)
    box = (0, 0, _FACE_PX, _FACE_PX)
    faces = table(Faces, size, xyxy=box, score=1, tracklet=-1)
    frame = np.arange(size)
    columns = {"sface": sface, "sface_mirrored": mirrored}
    return faces.replace(frame_index=frame, time_s=frame.astype(np.float64), **columns)
