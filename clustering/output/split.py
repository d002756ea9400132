"""Split frames into train and val by blocks of time, with each person in both.

Neighbouring frames are nearly equal: split at random, val would only measure how well the train
images were memorised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAIN, VAL, GAP = 0, 1, -1

GAP_S = 1.0  # between train and val of one shot
_GAP_SHARE = 0.05  # of the shot's length, if that is less
_BLOCKS = 20  # least number of blocks, about: each person needs some to choose from
_SHORTEST_S, _LONGEST_S = 2.0, 30.0  # of a block
_SPREAD = 0.5  # extra weight of a block that is far in time from the rest of val
_SAME_S = 1e-3  # rounding of times
_FAR_S = 1e6  # longer than any shot


@dataclass(frozen=True, eq=False)
class TimedFrames:
    """Frames in order of footage and time, with the people in them."""

    footage: NDArray[np.int64]  # (n,) index of the footage
    shot: NDArray[np.int64]  # (n,) in the footage
    time_s: NDArray[np.float64]  # (n,) presentation time
    people: NDArray[np.bool_]  # (n, p) class in the frame; all false in a background frame

    def __len__(self) -> int:
        return len(self.time_s)


class _Blocks:
    """Blocks of time that go into one split as a whole, with the images of each person."""

    def __init__(self, people: NDArray[np.bool_], of_row: NDArray[np.int64], share: float) -> None:
        self.people = people
        self.of_row = of_row  # (n,) the block of each frame
        self.total = people.sum(axis=0)  # (p,) images of each person
        self.target = self.total * share
        self.is_val = np.zeros(int(of_row.max(initial=-1)) + 1, np.bool_)
        self.counts = np.zeros((len(self.is_val), people.shape[1]), np.int64)  # (b, p)
        np.add.at(self.counts, of_row, people)
        self.in_val = np.zeros_like(self.total)

    def best(self, allowed: NDArray[np.int64], bonus: NDArray[np.float64]) -> int:
        """Return the block of ``allowed`` with the largest gain; blocks far from val gain more."""
        rows = len(self.of_row)
        middle = np.bincount(self.of_row, np.arange(rows)) / np.bincount(self.of_row)
        taken = np.concatenate([[-1, rows], middle[self.is_val]])
        distance = np.abs(middle[allowed, None] - taken).min(axis=1)
        gain = self.gain(self.counts[allowed]) + bonus
        return int(allowed[np.argmax(gain + np.abs(gain) * _SPREAD * distance / distance.max())])

    def choose(self, block: int) -> None:
        """Put a block into val."""
        self.is_val[block] = True
        self.in_val = self.in_val + self.counts[block]

    def gain(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how much nearer val comes to its target, as shares of each person, ``(b,)``."""
        off = np.abs(self.in_val - self.target) - np.abs(self.in_val + counts - self.target)
        return np.asarray((off / np.maximum(self.total, 1)).sum(axis=1), np.float64)

    def spares(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether all people in these images keep one in train, ``(b,)``."""
        left = self.total - self.in_val - counts
        return np.asarray(((left >= 1) | (counts == 0)).all(axis=1), np.bool_)

    def cut(self, rows: NDArray[np.int64]) -> int:
        """Split some rows off a block as a new one, and return it."""
        old, new = int(self.of_row[rows[0]]), len(self.is_val)
        moved = self.people[rows].sum(axis=0)
        self.of_row[rows] = new
        self.counts[old] -= moved
        self.counts = np.vstack([self.counts, moved])
        self.is_val = np.append(self.is_val, False)
        return new


def split_frames(frames: TimedFrames, *, val_share: float) -> NDArray[np.int8]:
    """Return TRAIN, VAL or GAP (left out) for each frame, ``(n,)``.

    Val is chosen greedily from blocks of time: first one for each person, the rarest first, then
    those that bring all people nearest to their share. The only block of a person is cut in two;
    the only image of a person stays in train.

    Args:
        frames: in order of footage and time.
        val_share: about this share of each person's images, 0 to 1.
    """
    shot = _shot_numbers(frames)
    blocks = _Blocks(frames.people, _blocks_of(frames.time_s, shot), val_share)
    rarest_first = np.lexsort((blocks.total, (blocks.counts > 0).sum(axis=0)))
    for person in rarest_first.tolist():
        if blocks.total[person] > 1 and not blocks.in_val[person]:
            _represent_in_val(blocks, person)
    _fill(blocks, val_share)
    split = np.where(blocks.is_val[blocks.of_row], VAL, TRAIN).astype(np.int8)
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
    """Cut long shots into equal blocks; return the block of each row, ``(n,)`` from 0."""
    start_s, length_s = _shot_extents(time_s, shot)
    _, one_each = np.unique(shot, return_index=True)
    block_s = np.clip(length_s[one_each].sum() / _BLOCKS, _SHORTEST_S, _LONGEST_S)
    parts = np.maximum(np.round(length_s / block_s), 1)
    place = np.floor((time_s - start_s) / np.maximum(length_s, 1e-9) * parts)
    place = np.minimum(place, parts - 1).astype(np.int64)
    keys = np.column_stack([shot, place])
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _represent_in_val(blocks: _Blocks, person: int) -> None:
    """Choose a block for val with a person, if one leaves all people an image in train."""
    counts = blocks.counts
    possible = (counts[:, person] > 0) & ~blocks.is_val & blocks.spares(counts)
    moderate = possible & (counts[:, person] * 2 <= blocks.total[person])
    if not moderate.any() and (rows := _best_cut(blocks, person)) is not None:
        blocks.choose(blocks.cut(rows))
        return
    allowed = np.flatnonzero(moderate if moderate.any() else possible)
    if len(allowed):
        lacking = (blocks.in_val == 0) & (blocks.total > 1)
        helped = ((counts[allowed] > 0) & lacking).sum(axis=1)
        blocks.choose(blocks.best(allowed, helped / 2))


def _best_cut(blocks: _Blocks, person: int) -> NDArray[np.int64] | None:
    """Return the rows of the beginning or end of a block that suit val best for a person."""
    best, best_gain = None, -np.inf
    for block in np.flatnonzero((blocks.counts[:, person] > 0) & ~blocks.is_val):
        rows = np.flatnonzero(blocks.of_row == block)
        before = np.cumsum(blocks.people[rows], axis=0)[:-1]  # (len(rows) - 1, p)
        after = blocks.counts[block] - before
        counts = np.concatenate([after, before])
        allowed = (counts[:, person] > 0) & blocks.spares(counts)
        gain = np.where(allowed, blocks.gain(counts), -np.inf)
        if len(gain) and gain.max() > best_gain:
            row, best_gain = int(np.argmax(gain)), float(gain.max())
            at = row % len(before) + 1
            best = rows[at:] if row < len(before) else rows[:at]
    return best


def _fill(blocks: _Blocks, share: float) -> None:
    """Choose more blocks for val while they bring people nearer to their share."""
    shown = blocks.people.any(axis=1)
    sizes = np.bincount(blocks.of_row[shown], minlength=len(blocks.is_val))
    target = share * shown.sum()
    while sizes[blocks.is_val].sum() < target:
        allowed = ~blocks.is_val & (sizes > 0) & blocks.spares(blocks.counts)
        allowed &= blocks.gain(blocks.counts) > 1e-9
        if not allowed.any():
            return
        candidates = np.flatnonzero(allowed)
        blocks.choose(blocks.best(candidates, np.zeros(len(candidates))))


def _gap(
    frames: TimedFrames, shot: NDArray[np.int64], split: NDArray[np.int8]
) -> NDArray[np.int64]:
    """Return the rows of train that are too near to val, except those that their people need."""
    _, length_s = _shot_extents(frames.time_s, shot)
    gap_s = np.minimum(GAP_S, length_s * _GAP_SHARE)
    away_s = _distance_to_val(frames.time_s + shot * _FAR_S, split)
    near = (split == TRAIN) & (away_s < gap_s - _SAME_S)
    train = split == TRAIN
    for column in frames.people.T:
        mine = np.flatnonzero(column & train)
        needed = (len(mine) + 1) // 2 - int((~near[mine]).sum())
        if needed > 0:
            dropped = mine[near[mine]]
            near[dropped[np.argsort(-away_s[dropped], kind="stable")[:needed]]] = False
    return np.flatnonzero(near)


def _distance_to_val(time_s: NDArray[np.float64], split: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the time from each frame to the nearest of val, ``(n,)`` seconds; times rise."""
    val = np.concatenate([[-np.inf], time_s[split == VAL], [np.inf]])
    after = np.searchsorted(val, time_s)
    return np.asarray(np.minimum(time_s - val[after - 1], val[after] - time_s), np.float64)
