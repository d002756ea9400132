"""Description of the machine, its peak arithmetic rate, and the peak memory of a process."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np

from data.core.cores import available_cores

_PACKAGES: Final = ("numpy", "av", "dlib-bin", "onnxruntime", "openvino", "scikit-learn")
_SIDES: Final = (1024, 2048)  # of the matrices
_MB: Final = 1024 * 1024


def describe() -> str:
    """Describe processor, cores, load and versions in one line."""
    installed = {dist.metadata["Name"].lower() for dist in importlib.metadata.distributions()}
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES if name in installed
    ]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {available_cores()} cores{load}; {', '.join([python, *versions])}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def peak_flops(repeats: int = 30) -> float:
    """Measure float32 operations per second in a large matrix product on all cores.

    The best of several runs; a multiply-add counts as two. Too low on a machine that is busy.
    """
    best = 0.0
    for side in _SIDES:
        matrix = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
        for _ in range(repeats):
            start = time.perf_counter()
            np.matmul(matrix, matrix)
            best = max(best, 2 * side**3 / (time.perf_counter() - start))
    return best


def peak_memory_mb() -> float:
    """Return the peak memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: a child inherits its parent's value at the fork.
        lines = status.read_text("utf-8").splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
    import resource  # not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / _MB if sys.platform == "darwin" else most / 1024
