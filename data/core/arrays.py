"""Array types, and the value that marks an unknown row, shared by all packages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""``(h, w, 3)`` RGB, or ``(h, w)`` grey where documented."""

UNKNOWN = -1
"""Value of an id or index array for "no person", "no tracklet" or "no row"."""

Values = NDArray[np.float64]
"""``(n,)`` or ``(n, k)``; shape and unit are documented at each use."""
