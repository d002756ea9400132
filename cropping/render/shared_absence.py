"""The videos of all who are away show the same, and so it is encoded only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cropping.camera.windows import CropWindows
from cropping.render.render import ChunkCheckpoints, RenderTarget


def share(parts: Sequence[RenderTarget], pieces: ChunkCheckpoints) -> list[RenderTarget]:
    """Take out of several people's parts what they have in common, as one more part at the end.

    The parts come back as they are where that is nothing: of one person alone, where never two
    are away at a time, or where each of them is shown something else meanwhile.

    Args:
        parts: everybody's, all of the same footage.
        pieces: where what they share goes.
    """
    away = [~part.views.present & (part.others is None) for part in parts]
    view = next(
        (p.views.xyxy[there][0] for p, there in zip(parts, away, strict=True) if any(there)), None
    )
    if view is None:
        return list(parts)
    alike = [there & _shows(part.views, view) for part, there in zip(parts, away, strict=True)]
    together = np.sum(alike, axis=0)
    if together.max() < 2:
        return list(parts)
    own = [replace(part, taken=~theirs) for part, theirs in zip(parts, alike, strict=True)]
    views = CropWindows(np.tile(view, (len(together), 1)), np.full(len(together), -1))
    # Whoever comes or goes, the others' videos begin and end a part there too.
    cuts = np.unique(np.concatenate([part.cuts for part in parts]))
    return [*own, RenderTarget(views, pieces, cuts=cuts, taken=together > 0)]


def _shows(views: CropWindows, xyxy: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((views.xyxy == xyxy).all(axis=1))
