"""Split frames into train and val by blocks of time, with each person in both.

Neighbouring frames are nearly equal: with a random split, val would only measure how well the train
images were memorised.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Presence: TypeAlias = Any
"""Sparse `scipy.sparse.csr_array` ``(n, p)`` of ones: a footage has few of a project's people."""

TRAIN, VAL, GAP = 0, 1, -1

GAP_S = 1.0  # gap between train and val within a shot
_GAP_SHARE = 0.05  # gap as a share of the shot's length, if that is shorter
_BLOCKS = 20  # approximate minimum number of blocks: each person needs several to choose from
_MIN_BLOCK_S, _MAX_BLOCK_S = 2.0, 30.0
_SPREAD = 0.5  # maximum relative bonus of a block that is far in time from the other val blocks
_ROUNDING_S = 1e-3  # rounding of times
_SHOT_OFFSET_S = 1e6  # longer than any shot


@dataclass(frozen=True, eq=False)
class TimedFrames:
    """Frames in order of footage and time, with the people in them."""

    footage: NDArray[np.int64]  # (n,) index of the footage
    shot: NDArray[np.int64]  # (n,) number of the shot in the footage
    time_s: NDArray[np.float64]  # (n,) presentation time
    people: Presence  # (n, p) 1 where a class is in the frame; an empty row for background

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Images:
    """Numbers of images of each person in each of some sets of frames, sparse."""

    row: NDArray[np.int64]  # (k,) set of frames
    person: NDArray[np.int64]  # (k,) person who is in it
    count: NDArray[np.int64]  # (k,) number of images, at least 1
    size: int  # number of sets

    def of_person(self, person: int) -> NDArray[np.int64]:
        """Return the number of a person's images in each set, ``(size,)``."""
        own = self.person == person
        counts = np.zeros(self.size, np.int64)
        counts[self.row[own]] = self.count[own]
        return counts


class _Blocks:
    """Blocks of time, each of which is assigned to one split, with the images of each person."""

    def __init__(self, people: Presence, block_of: NDArray[np.int64], share: float) -> None:
        self.people = people  # (n, p)
        self.block_of = block_of  # (n,) block of each frame
        self.total = np.asarray(people.sum(axis=0), np.int64)  # (p,) images of each person
        self.target = self.total * share
        self.in_val = np.zeros_like(self.total)  # (p,) images of each person in val
        size = int(block_of.max(initial=-1)) + 1
        self.is_val = np.zeros(size, np.bool_)
        # The people in each block, and the images of each, (m,) and (m,).
        self.persons: list[NDArray[np.int64]] = []
        self.counts: list[NDArray[np.int64]] = []
        self.of_person: list[list[int]] = [[] for _ in self.total]  # blocks of each person
        order = np.argsort(block_of, kind="stable")
        for rows in np.split(order, np.searchsorted(block_of[order], np.arange(1, size)))[:size]:
            self._add(*self._images_in(rows))

    def images(self, blocks: NDArray[np.int64]) -> _Images:
        """Return the images of each person in some blocks, one row per block."""
        persons = [self.persons[block] for block in blocks.tolist()]
        empty = np.zeros(0, np.int64)
        return _Images(
            np.repeat(np.arange(len(blocks)), np.array([len(own) for own in persons], np.int64)),
            np.concatenate([empty, *persons]),
            np.concatenate([empty, *(self.counts[block] for block in blocks.tolist())]),
            len(blocks),
        )

    def best(self, allowed: NDArray[np.int64], bonus: NDArray[np.float64]) -> int:
        """Return the block of ``allowed`` with the largest gain; distance to val adds a bonus."""
        rows = len(self.block_of)
        middle = np.bincount(self.block_of, np.arange(rows)) / np.bincount(self.block_of)
        val_positions = np.sort(np.concatenate([[-1, rows], middle[self.is_val]]))
        distance = _distance(middle[allowed], val_positions)
        gain = self.gain(self.images(allowed)) + bonus
        return int(allowed[np.argmax(gain + np.abs(gain) * _SPREAD * distance / distance.max())])

    def choose(self, block: int) -> None:
        """Assign a block to val."""
        self.is_val[block] = True
        self.in_val[self.persons[block]] += self.counts[block]

    def gain(self, images: _Images) -> NDArray[np.float64]:
        """Return how much nearer val gets to its target, summed over people, ``(size,)``.

        Each person counts by the share of their images.
        """
        target, in_val = self.target[images.person], self.in_val[images.person]
        improvement = np.abs(in_val - target) - np.abs(in_val + images.count - target)
        shares = improvement / np.maximum(self.total[images.person], 1)
        return np.bincount(images.row, shares, images.size).astype(np.float64)

    def leaves_train_images(self, images: _Images) -> NDArray[np.bool_]:
        """Whether all people in these images keep at least one image in train, ``(size,)``."""
        in_train = self.total[images.person] - self.in_val[images.person] - images.count
        lost = np.bincount(images.row, in_train < 1, images.size)
        return np.asarray(lost == 0, np.bool_)

    def cut(self, rows: NDArray[np.int64]) -> int:
        """Move rows of a block to a new block; return the new block."""
        old, new = int(self.block_of[rows[0]]), len(self.is_val)
        self.block_of[rows] = new
        self.is_val = np.append(self.is_val, False)
        for person in self.persons[old].tolist():
            self.of_person[person].remove(old)
        self.persons[old], self.counts[old] = self._images_in(np.flatnonzero(self.block_of == old))
        for person in self.persons[old].tolist():
            self.of_person[person].append(old)
        self._add(*self._images_in(rows))
        return new

    def _images_in(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the people in some frames, ascending, and the images of each."""
        persons, counts = np.unique(self.people[rows].indices, return_counts=True)
        return persons.astype(np.int64), counts.astype(np.int64)

    def _add(self, persons: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        for person in persons.tolist():
            self.of_person[person].append(len(self.persons))
        self.persons.append(persons)
        self.counts.append(counts)


def _distance(values: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each value, ``(n,)``, to the nearest of ascending ``points``."""
    after = np.clip(np.searchsorted(points, values), 1, len(points) - 1)
    return np.minimum(np.abs(values - points[after - 1]), np.abs(points[after] - values))


def split_frames(frames: TimedFrames, *, val_share: float) -> NDArray[np.int8]:
    """Return TRAIN, VAL or GAP (left out) for each frame, ``(n,)``.

    Val is chosen greedily from blocks of time: first one block for each person, the rarest person
    first, then the blocks that bring all people nearest to their share. A person's only block is
    cut in two. A person's only image stays in train.

    Args:
        frames: frames in order of footage and time.
        val_share: approximate share of each person's images in val, 0 to 1.
    """
    shot = _shot_numbers(frames)
    blocks = _Blocks(frames.people, _blocks_of(frames.time_s, shot), val_share)
    blocks_of_person = np.array([len(own) for own in blocks.of_person], np.int64)
    rarest_first = np.lexsort((blocks.total, blocks_of_person))
    for person in rarest_first.tolist():
        if blocks.total[person] > 1 and not blocks.in_val[person]:
            _represent_in_val(blocks, person)
    _fill(blocks, val_share)
    split = np.where(blocks.is_val[blocks.block_of], VAL, TRAIN).astype(np.int8)
    split[_gap(frames, shot, split)] = GAP
    return split


def _shot_numbers(frames: TimedFrames) -> NDArray[np.int64]:
    """Number the shots of all footages consecutively, ``(n,)``."""
    starts = np.ones(len(frames), np.bool_)
    for key in (frames.footage, frames.shot):
        starts[1:] &= key[1:] == key[:-1]
    starts[1:] = ~starts[1:]
    starts[:1] = False
    return np.cumsum(starts)


def _shot_extents(
    time_s: NDArray[np.float64], shot: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the start and the length in seconds of each row's shot, both ``(n,)``."""
    count = int(shot.max(initial=-1)) + 1
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, shot, time_s)
    np.maximum.at(last, shot, time_s)
    return first[shot], (last - first)[shot]


def _blocks_of(time_s: NDArray[np.float64], shot: NDArray[np.int64]) -> NDArray[np.int64]:
    """Divide shots into blocks of equal length; return the block of each row, ``(n,)`` from 0."""
    start_s, length_s = _shot_extents(time_s, shot)
    _, first_rows = np.unique(shot, return_index=True)
    block_s = np.clip(length_s[first_rows].sum() / _BLOCKS, _MIN_BLOCK_S, _MAX_BLOCK_S)
    parts = np.maximum(np.round(length_s / block_s), 1)
    part = np.floor((time_s - start_s) / np.maximum(length_s, 1e-9) * parts)
    part = np.minimum(part, parts - 1).astype(np.int64)
    keys = np.column_stack([shot, part])
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _represent_in_val(blocks: _Blocks, person: int) -> None:
    """Choose a val block that contains a person and leaves all people an image in train."""
    present = np.array(sorted(b for b in blocks.of_person[person] if not blocks.is_val[b]), int)
    images = blocks.images(present)
    possible = blocks.leaves_train_images(images)
    moderate = possible & (images.of_person(person) * 2 <= blocks.total[person])
    if not moderate.any() and (rows := _best_cut(blocks, person)) is not None:
        blocks.choose(blocks.cut(rows))
        return
    chosen = moderate if moderate.any() else possible
    if chosen.any():
        missing = (blocks.in_val == 0) & (blocks.total > 1)
        added = np.bincount(images.row, missing[images.person], images.size)[chosen]
        blocks.choose(blocks.best(present[chosen], added / 2))


def _best_cut(blocks: _Blocks, person: int) -> NDArray[np.int64] | None:
    """Return the start or end of a block, as rows, that is best for a person's val images."""
    best, best_gain = None, -np.inf
    for block in sorted(b for b in blocks.of_person[person] if not blocks.is_val[b]):
        rows = np.flatnonzero(blocks.block_of == block)
        persons = blocks.persons[block]
        shown = blocks.people[rows][:, persons].toarray().astype(np.int64)
        before = np.cumsum(shown, axis=0)[:-1]  # (len(rows) - 1, m)
        counts = np.concatenate([blocks.counts[block] - before, before])
        row, column = np.nonzero(counts)
        images = _Images(row, persons[column], counts[row, column], len(counts))
        allowed = (images.of_person(person) > 0) & blocks.leaves_train_images(images)
        gain = np.where(allowed, blocks.gain(images), -np.inf)
        if len(gain) and gain.max() > best_gain:
            index, best_gain = int(np.argmax(gain)), float(gain.max())
            position = index % len(before) + 1
            best = rows[position:] if index < len(before) else rows[:position]
    return best


def _fill(blocks: _Blocks, share: float) -> None:
    """Choose more val blocks while they bring people nearer to their share."""
    with_people = np.diff(blocks.people.indptr) > 0
    sizes = np.bincount(blocks.block_of[with_people], minlength=len(blocks.is_val))
    target = share * with_people.sum()
    while sizes[blocks.is_val].sum() < target:
        candidates = np.flatnonzero(~blocks.is_val & (sizes > 0))
        images = blocks.images(candidates)
        allowed = blocks.leaves_train_images(images) & (blocks.gain(images) > 1e-9)
        if not allowed.any():
            return
        blocks.choose(blocks.best(candidates[allowed], np.zeros(int(allowed.sum()))))


def _gap(
    frames: TimedFrames, shot: NDArray[np.int64], split: NDArray[np.int8]
) -> NDArray[np.int64]:
    """Return the train rows too near to val, sparing half of each person's train images."""
    _, length_s = _shot_extents(frames.time_s, shot)
    gap_s = np.minimum(GAP_S, length_s * _GAP_SHARE)
    distance_s = _distance_to_val(frames.time_s + shot * _SHOT_OFFSET_S, split)
    near = (split == TRAIN) & (distance_s < gap_s - _ROUNDING_S)
    train = split == TRAIN
    by_person = frames.people.tocsc()
    for start, end in itertools.pairwise(by_person.indptr.tolist()):
        own = np.sort(by_person.indices[start:end])
        own = own[train[own]]
        needed = (len(own) + 1) // 2 - int((~near[own]).sum())
        if needed > 0:
            dropped = own[near[own]]
            near[dropped[np.argsort(-distance_s[dropped], kind="stable")[:needed]]] = False
    return np.flatnonzero(near)


def _distance_to_val(time_s: NDArray[np.float64], split: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the time from each frame to the nearest val frame, ``(n,)`` s; times ascend."""
    val = np.concatenate([[-np.inf], time_s[split == VAL], [np.inf]])
    after = np.searchsorted(val, time_s)
    return np.asarray(np.minimum(time_s - val[after - 1], val[after] - time_s), np.float64)
