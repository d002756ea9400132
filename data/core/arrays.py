"""Aliases of the array types that all rooms share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""``(h, w, 3)`` RGB, or ``(h, w)`` grey where a function says so."""
