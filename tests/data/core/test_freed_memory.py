from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from data.core.freed_memory import return_freed_memory

_MB = 1 << 20


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc returns memory on request")
def test_memory_freed_below_a_kept_block_is_returned() -> None:
    """Blocks below glibc's threshold for own mappings stay in its heap after they are freed."""
    blocks = [np.ones(64 * 1024, np.uint8) for _ in range(3000)]
    kept = np.ones(1024, np.uint8)
    before = resident_mb()
    blocks.clear()
    return_freed_memory()
    assert resident_mb() < before - 100
    assert kept.all()
