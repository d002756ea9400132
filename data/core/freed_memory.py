"""Return freed memory to the operating system."""

from __future__ import annotations

import ctypes
import sys


def return_freed_memory() -> None:
    """Return the memory that the C library keeps after it was freed; only glibc does so on request.

    Frames and chips of changing sizes, freed by another thread than the one that made them,
    fragment its heaps: they would grow by half a MB per sampled frame of 1080p.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
