"""Clustering of photographs of many people, against DBSCAN with its best settings."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings
from clustering.faces.extraction import Extracted
from clustering.grouping.dbscan import dbscan
from clustering.grouping.footage import GroupingSettings, group_faces
from data.core.boxes import centres
from data.tables.faces import Faces
from data.video.frames import Frame
from data.video.pictures.jpeg import decode_jpeg
from tests.quality.clips import BEST, load_extractor
from tests.quality.metrics import BCubed, b_cubed

MIN_FACE_PX: Final = 60
"""The named person's face fills over a third of these 350 px; smaller faces are passers-by."""
DLIB: Final = BackendSettings(min_face_px=MIN_FACE_PX)
EPS: Final = tuple(round(0.30 + 0.02 * step, 2) for step in range(16))
MIN_SAMPLES: Final = (2, 3, 5)


@dataclass(frozen=True, slots=True)
class PhotographScores:
    """Scores of fancam, and of plain DBSCAN at its best settings."""

    photographs: int
    people: int
    faces: int
    ours: BCubed
    clusters: int
    dlib: BCubed  # with dlib's detector and embedding alone
    plain: BCubed
    plain_eps: float
    plain_min_samples: int


def score_photographs(shared: Path, *, people: int | None = None) -> PhotographScores:
    """Cluster the photographs of ../shared/faces, or those of its first ``people``."""
    photographs = len(_names(shared, people))
    faces, truth = real_faces(shared, BEST, people=people)
    cluster = group_faces(faces, GroupingSettings(), frames=photographs, video=False)
    of_dlib, truth_of_dlib = real_faces(shared, DLIB, people=people)
    sorted_by_dlib = group_faces(of_dlib, GroupingSettings(), frames=photographs, video=False)
    best, eps, min_samples = _best_plain(of_dlib, truth_of_dlib)
    return PhotographScores(
        photographs=photographs,
        people=len(np.unique(truth)),
        faces=len(faces),
        ours=b_cubed(truth, cluster),
        clusters=int(cluster.max(initial=-1)) + 1,
        dlib=b_cubed(truth_of_dlib, sorted_by_dlib),
        plain=best,
        plain_eps=eps,
        plain_min_samples=min_samples,
    )


def real_faces(
    shared: Path, settings: BackendSettings, *, people: int | None = None
) -> tuple[Faces, NDArray[np.int64]]:
    """Detect the face of each photograph of ../shared/faces; return its person, ``(n,)`` from 0."""
    names = _names(shared, people)
    extractor = load_extractor(settings)
    parts = list(extractor.extract(_photographs(shared, names)))
    faces = _one_per_photograph(Extracted.concatenate(parts))
    subjects = [PurePosixPath(name).parent.name for name in names]
    _, number = np.unique(subjects, return_inverse=True)
    return faces, number[faces.frame_index].astype(np.int64)


def _names(shared: Path, people: int | None) -> list[str]:
    with zipfile.ZipFile(shared / "faces" / "faces.zip") as photographs:
        names = sorted(name for name in photographs.namelist() if name.endswith(".jpg"))
    subjects = sorted({PurePosixPath(name).parent.name for name in names})[:people]
    return [name for name in names if PurePosixPath(name).parent.name in subjects]


def _photographs(shared: Path, names: list[str]) -> Iterator[Frame]:
    with zipfile.ZipFile(shared / "faces" / "faces.zip") as photographs:
        for index, name in enumerate(names):
            yield Frame(index, float(index), decode_jpeg(photographs.read(name)))


def _one_per_photograph(found: Extracted) -> Faces:
    """Return the face nearest to the middle of each photograph."""
    middle = found.frames.frame_wh[found.faces.frame_index] / 2
    away = np.linalg.norm(centres(found.faces.xyxy) - middle, axis=1)
    order = np.lexsort((away, found.faces.frame_index))
    first = np.unique(found.faces.frame_index[order], return_index=True)[1]
    return found.faces.take(np.sort(order[first]))


def _best_plain(faces: Faces, truth: NDArray[np.int64]) -> tuple[BCubed, float, int]:
    tried = []
    for eps, min_samples in itertools.product(EPS, MIN_SAMPLES):
        found = dbscan(faces.embedding, eps=eps, min_samples=min_samples)
        tried.append((b_cubed(truth, found), eps, min_samples))
    return max(tried, key=lambda one: one[0].f)
