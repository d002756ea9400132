"""Encode frames that several people's videos share, while they are absent, only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cropping.camera.windows import CropWindows
from cropping.render.render import RenderTarget, TargetChunks
from data.core.arrays import Values


def share_absence(targets: Sequence[RenderTarget], chunks: TargetChunks) -> list[RenderTarget]:
    """Move identical frames of several targets to a shared target, appended last.

    Without such frames the targets are returned unchanged: a single person, never two people absent
    in the same frame, or different windows while absent.

    Args:
        targets: one per person, of the same footage.
        chunks: chunks of the shared target.
    """
    absent = [~target.windows.present & (target.blur is None) for target in targets]
    if not any(frames.any() for frames in absent):
        return list(targets)
    view = _common_windows(targets, absent)
    identical = [
        frames & (target.windows.xyxy == view).all(axis=1)
        for target, frames in zip(targets, absent, strict=True)
    ]
    counts = np.sum(identical, axis=0)
    if counts.max() < 2:
        return list(targets)
    own = [
        replace(target, frame_mask=~frames)
        for target, frames in zip(targets, identical, strict=True)
    ]
    windows = CropWindows(view, np.full(len(counts), -1))
    # The shared chunks can be spliced wherever any person's absence begins or ends.
    cuts = np.unique(np.concatenate([target.cuts for target in targets]))
    mask, backdrop = counts > 0, targets[0].backdrop
    return [*own, RenderTarget(windows, chunks, cuts=cuts, frame_mask=mask, backdrop=backdrop)]


def _common_windows(targets: Sequence[RenderTarget], absent: Sequence[NDArray[np.bool_]]) -> Values:
    """Return the window to share in each frame, ``(n, 4)`` px: the first absent person's.

    Args:
        targets: one per person, of n frames.
        absent: ``(n,)`` frames that may be shared, of each person.
    """
    common = np.zeros_like(targets[0].windows.xyxy)
    for target, frames in zip(reversed(targets), reversed(absent), strict=True):
        common[frames] = target.windows.xyxy[frames]
    return common
