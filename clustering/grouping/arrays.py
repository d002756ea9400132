"""Array types of the grouping."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AnyFloats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]
"""``(n,)`` row numbers of points, faces or groups."""
Labels = NDArray[np.int64]
"""``(n,)`` cluster, group or person of each row; -1 unknown or none."""
