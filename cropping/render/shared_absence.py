"""Encode what several absent people's videos show alike only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cropping.camera.windows import CropWindows
from cropping.render.render import ChunkCheckpoints, RenderTarget


def share_absence(targets: Sequence[RenderTarget], chunks: ChunkCheckpoints) -> list[RenderTarget]:
    """Move the frames that several targets show alike to one more target, appended last.

    The targets come back unchanged where there are no such frames: with a single person, where
    never two are absent at a time, or where each shows another window meanwhile.

    Args:
        targets: one a person, all of the same footage.
        chunks: of the shared target.
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
    alike = [
        frames & _shows(target.windows, view)
        for target, frames in zip(targets, absent, strict=True)
    ]
    counts = np.sum(alike, axis=0)
    if counts.max() < 2:
        return list(targets)
    own = [
        replace(target, frame_mask=~frames) for target, frames in zip(targets, alike, strict=True)
    ]
    windows = CropWindows(np.tile(view, (len(counts), 1)), np.full(len(counts), -1))
    # Where one person comes or goes, the shared chunks are spliced into the others' videos.
    cuts = np.unique(np.concatenate([target.cuts for target in targets]))
    return [*own, RenderTarget(windows, chunks, cuts=cuts, frame_mask=counts > 0)]


def _shows(windows: CropWindows, xyxy: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((windows.xyxy == xyxy).all(axis=1))
