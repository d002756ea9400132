"""Split frames into train and val by blocks of time, with each person in both.

Neighbouring frames are nearly equal: with a random split, val would only measure how well the train
images were memorised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    people: NDArray[np.bool_]  # (n, p) whether each class is in the frame; all false for background

    def __len__(self) -> int:
        return len(self.time_s)


class _Blocks:
    """Blocks of time, each of which is assigned to one split, with the images of each person."""

    def __init__(
        self, people: NDArray[np.bool_], block_of: NDArray[np.int64], share: float
    ) -> None:
        self.people = people
        self.block_of = block_of  # (n,) block of each frame
        self.total = people.sum(axis=0)  # (p,) images of each person
        self.target = self.total * share
        self.is_val = np.zeros(int(block_of.max(initial=-1)) + 1, np.bool_)
        # (b, p) images of each person in each block
        self.counts = np.zeros((len(self.is_val), people.shape[1]), np.int64)
        np.add.at(self.counts, block_of, people)
        self.in_val = np.zeros_like(self.total)  # (p,) images of each person in val

    def best(self, allowed: NDArray[np.int64], bonus: NDArray[np.float64]) -> int:
        """Return the block of ``allowed`` with the largest gain; distance to val adds a bonus."""
        rows = len(self.block_of)
        middle = np.bincount(self.block_of, np.arange(rows)) / np.bincount(self.block_of)
        val_positions = np.concatenate([[-1, rows], middle[self.is_val]])
        distance = np.abs(middle[allowed, None] - val_positions).min(axis=1)
        gain = self.gain(self.counts[allowed]) + bonus
        return int(allowed[np.argmax(gain + np.abs(gain) * _SPREAD * distance / distance.max())])

    def choose(self, block: int) -> None:
        """Assign a block to val."""
        self.is_val[block] = True
        self.in_val = self.in_val + self.counts[block]

    def gain(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how much nearer val gets to its target, summed over people as shares, ``(b,)``."""
        improvement = np.abs(self.in_val - self.target) - np.abs(self.in_val + counts - self.target)
        return np.asarray((improvement / np.maximum(self.total, 1)).sum(axis=1), np.float64)

    def leaves_train_images(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether all people in these images keep at least one image in train, ``(b,)``."""
        in_train = self.total - self.in_val - counts
        return np.asarray(((in_train >= 1) | (counts == 0)).all(axis=1), np.bool_)

    def cut(self, rows: NDArray[np.int64]) -> int:
        """Move rows of a block to a new block; return the new block."""
        old, new = int(self.block_of[rows[0]]), len(self.is_val)
        moved = self.people[rows].sum(axis=0)
        self.block_of[rows] = new
        self.counts[old] -= moved
        self.counts = np.vstack([self.counts, moved])
        self.is_val = np.append(self.is_val, False)
        return new


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
    rarest_first = np.lexsort((blocks.total, (blocks.counts > 0).sum(axis=0)))
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
    counts = blocks.counts
    possible = (counts[:, person] > 0) & ~blocks.is_val & blocks.leaves_train_images(counts)
    moderate = possible & (counts[:, person] * 2 <= blocks.total[person])
    if not moderate.any() and (rows := _best_cut(blocks, person)) is not None:
        blocks.choose(blocks.cut(rows))
        return
    allowed = np.flatnonzero(moderate if moderate.any() else possible)
    if len(allowed):
        missing = (blocks.in_val == 0) & (blocks.total > 1)
        added = ((counts[allowed] > 0) & missing).sum(axis=1)
        blocks.choose(blocks.best(allowed, added / 2))


def _best_cut(blocks: _Blocks, person: int) -> NDArray[np.int64] | None:
    """Return the start or end of a block, as rows, that is best for a person's val images."""
    best, best_gain = None, -np.inf
    for block in np.flatnonzero((blocks.counts[:, person] > 0) & ~blocks.is_val):
        rows = np.flatnonzero(blocks.block_of == block)
        before = np.cumsum(blocks.people[rows], axis=0)[:-1]  # (len(rows) - 1, p)
        after = blocks.counts[block] - before
        counts = np.concatenate([after, before])
        allowed = (counts[:, person] > 0) & blocks.leaves_train_images(counts)
        gain = np.where(allowed, blocks.gain(counts), -np.inf)
        if len(gain) and gain.max() > best_gain:
            row, best_gain = int(np.argmax(gain)), float(gain.max())
            position = row % len(before) + 1
            best = rows[position:] if row < len(before) else rows[:position]
    return best


def _fill(blocks: _Blocks, share: float) -> None:
    """Choose more val blocks while they bring people nearer to their share."""
    with_people = blocks.people.any(axis=1)
    sizes = np.bincount(blocks.block_of[with_people], minlength=len(blocks.is_val))
    target = share * with_people.sum()
    while sizes[blocks.is_val].sum() < target:
        allowed = ~blocks.is_val & (sizes > 0) & blocks.leaves_train_images(blocks.counts)
        allowed &= blocks.gain(blocks.counts) > 1e-9
        if not allowed.any():
            return
        candidates = np.flatnonzero(allowed)
        blocks.choose(blocks.best(candidates, np.zeros(len(candidates))))


def _gap(
    frames: TimedFrames, shot: NDArray[np.int64], split: NDArray[np.int8]
) -> NDArray[np.int64]:
    """Return the train rows too near to val, sparing half of each person's train images."""
    _, length_s = _shot_extents(frames.time_s, shot)
    gap_s = np.minimum(GAP_S, length_s * _GAP_SHARE)
    distance_s = _distance_to_val(frames.time_s + shot * _SHOT_OFFSET_S, split)
    near = (split == TRAIN) & (distance_s < gap_s - _ROUNDING_S)
    train = split == TRAIN
    for column in frames.people.T:
        own = np.flatnonzero(column & train)
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
