"""Areas of the picture of a footage, kept in the work directory of its crops."""

from __future__ import annotations

import numpy as np

from cropping.camera.footage_areas import find_picture_areas
from cropping.render.cache_keys import VERSION
from cropping.render.job import CropPlan
from data.core.arrays import Values
from data.core.atomic import atomic_write
from data.core.digest import digest


def stored_picture_areas(plan: CropPlan) -> Values:
    """Return the areas stored in the work directory, finding them if missing.

    Concurrent tasks may find the same areas.
    """
    job, timeline = plan.job, plan.timeline
    key = digest(f"{VERSION} {job.footage.size_bytes}", timeline.cuts.tobytes())
    file = job.work / f"areas-{key}.npy"
    if file.exists():
        return np.asarray(np.load(file), np.float64)
    threads = plan.settings.threads
    areas = find_picture_areas(plan.footage, timeline, job.frame_wh, threads=threads)
    with atomic_write(file) as partial, partial.open("wb") as content:
        np.save(content, areas)
    return areas
