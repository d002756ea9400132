"""Process that tries one damaged footage after another, within limits of memory and disk."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

# The commands' lazy imports are done here, once for all processes that are forked.
import av  # noqa: F401
import filelock  # noqa: F401
import imutils  # noqa: F401
import onnxruntime  # noqa: F401
import PIL.Image  # noqa: F401
import pyarrow.parquet  # noqa: F401
import scenedetect  # noqa: F401
import scipy.optimize  # noqa: F401
import sklearn  # noqa: F401

from tests.footage_kinds.fuzz.cases import Case, Seeds
from tests.footage_kinds.fuzz.trial import Outcome, disk_bytes, emptied, install, run_trial

MAX_MEMORY: Final = 2 << 30
"""Memory of the process, in bytes, above which a footage fails."""
_ADDRESS_SPACE: Final = 24 << 30
ERRORS: Final = "errors.txt"
"""File of what the process prints to the standard error stream; after a crash, its stacks."""
MAX_DISK: Final = 200 << 20
"""Bytes of all files that a footage's projects may have."""


def work(connection: Connection, folder: Path, seeds: Seeds) -> None:
    """Try each case that is received, and send its outcome, until the connection is closed."""
    printed = _captured(folder / ERRORS)
    faulthandler.enable()
    _limit_memory()
    install()
    while True:
        try:
            case: Case = connection.recv()
        except EOFError:
            return
        connection.send(_tried(case, folder, seeds, printed))


def _tried(case: Case, folder: Path, seeds: Seeds, printed: Callable[[], str]) -> Outcome:
    path = case.write(seeds, emptied(folder / "footage"))
    projects = emptied(folder / "projects")
    _reset_peak()
    began_s = time.monotonic()
    outcome = run_trial(path, projects, printed)
    took_s, peak_bytes = time.monotonic() - began_s, _peak_bytes()
    outcome = replace(outcome, took_s=round(took_s, 2), peak_mb=peak_bytes >> 20)
    if outcome.status != "failed":
        if peak_bytes > MAX_MEMORY:
            outcome = replace(outcome, status="failed", detail=f"memory: {outcome.peak_mb} MB")
        elif (size := disk_bytes(projects)) > MAX_DISK:
            outcome = replace(outcome, status="failed", detail=f"disk: {size >> 20} MB")
    return outcome


def _captured(path: Path) -> Callable[[], str]:
    """Divert all output of this process, also of libraries; return what reads the errors."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    file = path.open("w+b")  # open as long as the process
    os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115

    def printed() -> str:
        sys.stderr.flush()
        file.seek(0)
        text = file.read().decode(errors="replace")
        file.seek(0)
        file.truncate()
        return text

    return printed


def _limit_memory() -> None:
    with contextlib.suppress(ImportError):  # Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reset_peak() -> None:
    """Let the kernel measure the peak of this process anew; Linux only."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    """Return the largest memory of this process since `_reset_peak`; 0 where unknown."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0
