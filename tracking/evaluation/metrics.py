"""How right tracks are, held against labels: identity, switches, coverage, false rows.

IDF1, IDP and IDR: E. Ristani et al., "Performance measures and a data set for multi-target,
multi-camera tracking", ECCV workshops 2016; switches: K. Bernardin and R. Stiefelhagen,
"Evaluating multiple object tracking performance: the CLEAR MOT metrics", 2008. Both are counted
by motmetrics.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.arrays import UNKNOWN
from data.core.boxes import iou
from data.core.table import Column, Table
from data.tables.tracks import Tracks

UNCOUNTED_SHARE = 0.5
"""Of the least overlap, for faces that do not count: of most nobody sees just where they are."""


@dataclass(frozen=True, eq=False)
class GroundTruth(Table):
    """Who really is where in one footage, one row a face, in any order."""

    frame_index: NDArray[np.int64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4) px
    person_id: NDArray[np.int64]  # (n,) -1: a face is here, but whose it is does not count

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }


@dataclass(frozen=True, slots=True)
class Score:
    """What `evaluate` counts; the scores of several footages can be added."""

    labelled: int = 0  # faces whose person counts
    rows: int = 0  # rows of tracks that are scored
    idtp: int = 0  # rows on the face of the one person that theirs stands for
    switches: int = 0  # times that a labelled person goes on as another person of the tracks
    covered: int = 0  # labelled faces with a row of a person who mostly is this one
    wrong: int = 0  # scored rows on the face of somebody whom theirs mostly is not
    unlabelled: int = 0  # rows on no label at all

    @property
    def idf1(self) -> float:
        """Share of all labels and rows that agree in one assignment of people, 0..1."""
        return _share(2 * self.idtp, self.labelled + self.rows)

    @property
    def idp(self) -> float:
        """Identity precision: share of the scored rows that are right in that assignment."""
        return _share(self.idtp, self.rows)

    @property
    def idr(self) -> float:
        """Identity recall: share of the labelled faces that are right in that assignment."""
        return _share(self.idtp, self.labelled)

    @property
    def coverage(self) -> float:
        """Share of the labelled faces that have a right row, be it of a person found twice."""
        return _share(self.covered, self.labelled)

    def __add__(self, other: Score) -> Score:
        mine, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
        return Score(*(a + b for a, b in zip(mine, theirs, strict=True)))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def evaluate(tracks: Tracks, labels: GroundTruth, *, min_iou: float, exhaustive: bool) -> Score:
    """Hold ``tracks`` against ``labels``; people are told by their numbers in each.

    Which person of the tracks is which of the labels is chosen for the best IDF1. Not scored are
    rows of nobody known, and rows on a face whose person does not count, where half of the
    overlap is enough.

    Args:
        tracks: of one footage.
        labels: of the same footage.
        min_iou: from this overlap on a row is on a face.
        exhaustive: whether every face has a label. Where not, rows on no label are only counted:
            nobody knows whether they are right.
    """
    events = _Events()
    known = tracks.take(tracks.person_id != UNKNOWN)
    for frame in _frames(known, labels, min_iou):
        events.add(frame, exhaustive=exhaustive)
    return events.score()


@dataclass(frozen=True, slots=True, eq=False)
class _ScoredFrame:
    """One frame: who is found and labelled, and what is on what."""

    found: NDArray[np.int64]  # (r,) person ids of the tracks
    labelled: NDArray[np.int64]  # (l,) person ids of the labels
    overlap: NDArray[np.float64]  # (l, r) intersection over union; nan where it is too little
    on_label: NDArray[np.bool_]  # (r,) on any label, also on one that does not count


def _frames(tracks: Tracks, labels: GroundTruth, min_iou: float) -> Iterator[_ScoredFrame]:
    labels = labels.take(np.argsort(labels.frame_index, kind="stable"))
    for index in np.union1d(tracks.frame_index, labels.frame_index):
        mine = slice(*np.searchsorted(tracks.frame_index, [index, index + 1]))
        there = slice(*np.searchsorted(labels.frame_index, [index, index + 1]))
        counts = labels.person_id[there] != UNKNOWN
        overlap = iou(labels.xyxy[there], tracks.xyxy[mine]).astype(np.float64)
        least = np.where(counts, min_iou, UNCOUNTED_SHARE * min_iou)
        overlap[overlap < least[:, None]] = np.nan
        keep = ~_on_uncounted(overlap, counts)
        yield _ScoredFrame(
            found=tracks.person_id[mine][keep],
            labelled=labels.person_id[there][counts],
            overlap=overlap[counts][:, keep],
            on_label=_any_label(overlap[:, keep]),
        )


def _on_uncounted(overlap: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rows, ``(r,)``, are on a label that does not count, all being paired for the best."""
    label, row = linear_sum_assignment(-np.nan_to_num(overlap))
    paired = ~counts[label] & ~np.isnan(overlap[label, row])
    # A second row on such a label goes too, unless it is on one that counts as well.
    alone = _any_label(overlap) & ~_any_label(overlap[counts])
    return np.asarray(alone | np.isin(np.arange(len(alone)), row[paired]), np.bool_)


def _any_label(overlap: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((~np.isnan(overlap)).any(axis=0), np.bool_)


class _Events:
    """Gathers frames for motmetrics, and what it does not count."""

    def __init__(self) -> None:
        import motmetrics

        self._frames: list[_ScoredFrame] = []
        self._accumulator = motmetrics.MOTAccumulator(auto_id=True)
        self._unlabelled = 0

    def add(self, frame: _ScoredFrame, *, exhaustive: bool) -> None:
        """Take in the next frame."""
        self._unlabelled += int((~frame.on_label).sum())
        if not exhaustive:
            kept = frame.on_label
            overlap = frame.overlap[:, kept]
            frame = _ScoredFrame(frame.found[kept], frame.labelled, overlap, kept[kept])
        self._frames.append(frame)
        self._accumulator.update(frame.labelled, frame.found, 1 - frame.overlap)

    def score(self) -> Score:
        """What all frames together say."""
        import motmetrics

        names = ["num_objects", "num_predictions", "idtp", "num_switches"]
        if not sum(len(frame.labelled) + len(frame.found) for frame in self._frames):
            return Score(unlabelled=self._unlabelled)
        metrics = motmetrics.metrics.create()
        counts = metrics.compute(self._accumulator, metrics=names, return_dataframe=False)
        labelled, rows, idtp, switches = (int(counts[name]) for name in names)
        covered, wrong = _by_majority(self._frames)
        return Score(labelled, rows, idtp, switches, covered, wrong, self._unlabelled)


def _by_majority(frames: list[_ScoredFrame]) -> tuple[int, int]:
    """Count labels with a right row and rows on a wrong person, by whom each mostly is."""
    is_whom = _majority(frames)
    covered = wrong = 0
    for frame in frames:
        label, row = np.nonzero(~np.isnan(frame.overlap))
        meant = np.array([is_whom[p] for p in frame.found[row].tolist()], np.int64)
        right = frame.labelled[label] == meant
        covered += len(np.unique(label[right]))
        wrong += len(np.setdiff1d(row[~right], row[right]))
    return covered, wrong


def _majority(frames: list[_ScoredFrame]) -> dict[int, int]:
    """The labelled person on whom each person of the tracks mostly is."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for frame in frames:
        for label, row in zip(*np.nonzero(~np.isnan(frame.overlap)), strict=True):
            counts[int(frame.found[row])][int(frame.labelled[label])] += 1
    return {person: count.most_common(1)[0][0] for person, count in counts.items()}
