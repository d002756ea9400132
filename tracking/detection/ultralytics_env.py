"""ultralytics kept quiet: nothing printed, fetched, installed, reported or left in the home."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path

_QUIET = {
    "YOLO_AUTOINSTALL": "false",  # else it runs pip for what a model asks for
    "YOLO_OFFLINE": "true",  # no fonts, no checks for updates, no events
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",  # weights are read without running what a pickle says
}
_PREFIX = "fancam-ultralytics-"
_SERVICES = ("ULTRALYTICS_API_KEY", "ULTRALYTICS_PLATFORM_URL")  # a key alone starts uploads
# Threads that wait for each other by spinning lose much of their time as soon as anything else
# runs, and a training runs for minutes beside whatever the user does meanwhile.
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


def set_ultralytics_offline() -> None:
    """Set what ultralytics and matplotlib read when they are first imported; call it before that.

    The settings that they write go to a folder of this process, removed at its end.
    """
    os.environ.update(_QUIET)
    for name in _SERVICES:
        os.environ.pop(name, None)
    for name, value in {**_PATIENT, "OMP_NUM_THREADS": str(cores())}.items():
        os.environ.setdefault(name, value)
    place = str(_passing_home())
    os.environ["YOLO_CONFIG_DIR"] = place
    os.environ["MPLCONFIGDIR"] = place
    logging.getLogger("ultralytics").setLevel(logging.ERROR)


def cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _passing_home() -> Path:
    known = os.environ.get("YOLO_CONFIG_DIR", "")
    if known and Path(known).name.startswith(_PREFIX):
        return Path(known)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
