"""Aliases of the array types of this shelf."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AnyFloats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]
"""``(n,)`` row numbers of points, faces or groups."""
Labels = NDArray[np.int64]
"""``(n,)`` number of the cluster, group or person of each row; -1 is unknown or none."""
