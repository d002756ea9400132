"""Score tracks against labels: identity, switches, coverage, false rows.

IDF1, IDP and IDR: E. Ristani et al., "Performance measures and a data set for multi-target,
multi-camera tracking", ECCV workshops 2016; switches: K. Bernardin and R. Stiefelhagen,
"Evaluating multiple object tracking performance: the CLEAR MOT metrics", 2008. motmetrics
computes both.
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
from data.core.boxes import Boxes, iou
from data.core.table import Column, Table
from data.tables.tracks import Tracks

UNCOUNTED_SHARE = 0.5
"""Factor on the minimum IoU for faces that do not count: most of their positions are uncertain."""


@dataclass(frozen=True, eq=False)
class GroundTruth(Table):
    """Labelled faces of one footage, one row per face, in any order."""

    frame_index: NDArray[np.int64]  # (n,) 0-based, decode order
    xyxy: Boxes  # (n, 4) px of the full upright frame
    person_id: NDArray[np.int64]  # (n,) -1: a face whose identity does not count

    COLUMNS: ClassVar[dict[str, Column]] = {
        "frame_index": (np.int64, ()),
        "xyxy": (np.float32, (4,)),
        "person_id": (np.int64, ()),
    }


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of `evaluate`; the scores of several footages can be added."""

    labelled: int = 0  # faces whose person counts
    rows: int = 0  # scored rows of the tracks
    idtp: int = 0  # identity true positives: rows on the person they are matched with
    switches: int = 0  # identity switches of labelled people
    covered: int = 0  # labelled faces with a row whose person's majority label it is
    wrong: int = 0  # scored rows on a face that is not their person's majority label
    unlabelled: int = 0  # rows on no label

    @property
    def idf1(self) -> float:
        """Identity F1 of labels and rows under one assignment of people, 0..1."""
        return _share(2 * self.idtp, self.labelled + self.rows)

    @property
    def idp(self) -> float:
        """Identity precision: share of the scored rows that are right in that assignment, 0..1."""
        return _share(self.idtp, self.rows)

    @property
    def idr(self) -> float:
        """Identity recall: share of the labelled faces that are right in that assignment, 0..1."""
        return _share(self.idtp, self.labelled)

    @property
    def coverage(self) -> float:
        """Share of the labelled faces with a right row, 0..1; split tracks do not lower it."""
        return _share(self.covered, self.labelled)

    def __add__(self, other: Score) -> Score:
        counts = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Score(*(a + b for a, b in counts))


def _share(count: int, total: int) -> float:
    return count / total if total else 1.0


def evaluate(tracks: Tracks, labels: GroundTruth, *, min_iou: float, exhaustive: bool) -> Score:
    """Score ``tracks`` against ``labels``, whose person ids are independent.

    People of tracks and labels are matched to maximise IDF1. Rows of no known person are not
    scored, nor are rows on a face whose person does not count. Half of ``min_iou`` is enough for
    a row to be on such a face.

    Args:
        tracks: tracks of one footage.
        labels: labels of the same footage.
        min_iou: minimum IoU for a row to be on a face.
        exhaustive: whether every face has a label. If not, rows on no label are counted but not
            scored: they may be right.
    """
    accumulator = _Accumulator()
    known = tracks.take(tracks.person_id != UNKNOWN)
    for frame in _frames(known, labels, min_iou):
        accumulator.add(frame, exhaustive=exhaustive)
    return accumulator.score()


@dataclass(frozen=True, slots=True, eq=False)
class _ScoredFrame:
    """People of one frame in tracks and labels, and the overlap of their boxes."""

    tracked: NDArray[np.int64]  # (r,) person ids of the tracks
    labelled: NDArray[np.int64]  # (l,) person ids of the labels
    overlap: NDArray[np.float64]  # (l, r) IoU; NaN below the minimum
    on_label: NDArray[np.bool_]  # (r,) on any label, including those that do not count


def _frames(tracks: Tracks, labels: GroundTruth, min_iou: float) -> Iterator[_ScoredFrame]:
    labels = labels.take(np.argsort(labels.frame_index, kind="stable"))
    for index in np.union1d(tracks.frame_index, labels.frame_index):
        track_rows = slice(*np.searchsorted(tracks.frame_index, [index, index + 1]))
        label_rows = slice(*np.searchsorted(labels.frame_index, [index, index + 1]))
        counts = labels.person_id[label_rows] != UNKNOWN
        overlap = iou(labels.xyxy[label_rows], tracks.xyxy[track_rows]).astype(np.float64)
        minimum = np.where(counts, min_iou, UNCOUNTED_SHARE * min_iou)
        overlap[overlap < minimum[:, None]] = np.nan
        keep = ~_on_uncounted(overlap, counts)
        yield _ScoredFrame(
            tracked=tracks.person_id[track_rows][keep],
            labelled=labels.person_id[label_rows][counts],
            overlap=overlap[counts][:, keep],
            on_label=_any_label(overlap[:, keep]),
        )


def _on_uncounted(overlap: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask, ``(r,)``, of the rows that the best pairing puts on an uncounted label."""
    label, row = linear_sum_assignment(-np.nan_to_num(overlap))
    paired = ~counts[label] & ~np.isnan(overlap[label, row])
    # A second row on such a label is excluded too, unless it is also on a label that counts.
    only_uncounted = _any_label(overlap) & ~_any_label(overlap[counts])
    rows = np.arange(len(only_uncounted))
    return np.asarray(only_uncounted | np.isin(rows, row[paired]), np.bool_)


def _any_label(overlap: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((~np.isnan(overlap)).any(axis=0), np.bool_)


class _Accumulator:
    """Accumulate frames for motmetrics, and the counts that motmetrics lacks."""

    def __init__(self) -> None:
        import motmetrics

        self._frames: list[_ScoredFrame] = []
        self._mot = motmetrics.MOTAccumulator(auto_id=True)
        self._unlabelled = 0

    def add(self, frame: _ScoredFrame, *, exhaustive: bool) -> None:
        """Add the next frame."""
        self._unlabelled += int((~frame.on_label).sum())
        if not exhaustive:
            kept = frame.on_label
            overlap = frame.overlap[:, kept]
            frame = _ScoredFrame(frame.tracked[kept], frame.labelled, overlap, kept[kept])
        self._frames.append(frame)
        self._mot.update(frame.labelled, frame.tracked, 1 - frame.overlap)

    def score(self) -> Score:
        """Return the score over all frames."""
        import motmetrics

        names = ["num_objects", "num_predictions", "idtp", "num_switches"]
        if not sum(len(frame.labelled) + len(frame.tracked) for frame in self._frames):
            return Score(unlabelled=self._unlabelled)
        metrics = motmetrics.metrics.create()
        counts = metrics.compute(self._mot, metrics=names, return_dataframe=False)
        labelled, rows, idtp, switches = (int(counts[name]) for name in names)
        covered, wrong = _by_majority(self._frames)
        return Score(labelled, rows, idtp, switches, covered, wrong, self._unlabelled)


def _by_majority(frames: list[_ScoredFrame]) -> tuple[int, int]:
    """Count labels with a right row, and rows on a wrong person, by majority label."""
    majority = _majority(frames)
    covered = wrong = 0
    for frame in frames:
        label, row = np.nonzero(~np.isnan(frame.overlap))
        expected = np.array([majority[p] for p in frame.tracked[row].tolist()], np.int64)
        right = frame.labelled[label] == expected
        covered += len(np.unique(label[right]))
        wrong += len(np.setdiff1d(row[~right], row[right]))
    return covered, wrong


def _majority(frames: list[_ScoredFrame]) -> dict[int, int]:
    """Return the labelled person that most rows of each tracked person are on."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for frame in frames:
        for label, row in zip(*np.nonzero(~np.isnan(frame.overlap)), strict=True):
            counts[int(frame.tracked[row])][int(frame.labelled[label])] += 1
    return {person: count.most_common(1)[0][0] for person, count in counts.items()}
