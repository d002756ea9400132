"""Encode frames that several people's videos share, while they are absent, only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cropping.camera.windows import CropWindows
from cropping.render.render import ChunkCheckpoints, RenderTarget


def share_absence(targets: Sequence[RenderTarget], chunks: ChunkCheckpoints) -> list[RenderTarget]:
    """Move identical frames of several targets to a shared target, appended last.

    Without such frames the targets are returned unchanged: a single person, never two people absent
    in the same frame, or different windows while absent.

    Args:
        targets: one per person, of the same footage.
        chunks: chunks of the shared target.
    """
    absent = [~target.windows.present & (target.blur is None) for target in targets]
    view = next(
        (
            target.windows.xyxy[frames][0]
            for target, frames in zip(targets, absent, strict=True)
            if any(frames)
        ),
        None,
    )
    if view is None:
        return list(targets)
    identical = [
        frames & _shows(target.windows, view)
        for target, frames in zip(targets, absent, strict=True)
    ]
    counts = np.sum(identical, axis=0)
    if counts.max() < 2:
        return list(targets)
    own = [
        replace(target, frame_mask=~frames)
        for target, frames in zip(targets, identical, strict=True)
    ]
    windows = CropWindows(np.tile(view, (len(counts), 1)), np.full(len(counts), -1))
    # The shared chunks can be spliced wherever any person's absence begins or ends.
    cuts = np.unique(np.concatenate([target.cuts for target in targets]))
    return [*own, RenderTarget(windows, chunks, cuts=cuts, frame_mask=counts > 0)]


def _shows(windows: CropWindows, xyxy: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((windows.xyxy == xyxy).all(axis=1))
