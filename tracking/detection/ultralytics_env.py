"""Environment of ultralytics: offline, silent, and without files in the home directory."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path

from data.core.cores import available_cores

_OFFLINE = {
    "YOLO_AUTOINSTALL": "false",  # do not pip install packages that a model requires
    "YOLO_OFFLINE": "true",  # no font downloads, update checks or telemetry
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",  # do not execute pickled code when reading weights
}
_PREFIX = "fancam-ultralytics-"
_SERVICES = ("ULTRALYTICS_API_KEY", "ULTRALYTICS_PLATFORM_URL")  # a key alone enables uploads
# Busy-waiting OpenMP threads are slow when other programs use the cores, which is likely during
# training, because it takes minutes.
_THREAD_POLICY = {"OMP_WAIT_POLICY": "PASSIVE"}


def set_ultralytics_offline() -> None:
    """Keep ultralytics and matplotlib off the network; call before either is imported.

    Disables downloads, package installs, telemetry, uploads and log output. Their settings files
    go to a temporary folder, deleted when the process ends.
    """
    os.environ.update(_OFFLINE)
    for name in _SERVICES:
        os.environ.pop(name, None)
    for name, value in {**_THREAD_POLICY, "OMP_NUM_THREADS": str(available_cores())}.items():
        os.environ.setdefault(name, value)
    folder = str(_temporary_config_folder())
    os.environ["YOLO_CONFIG_DIR"] = folder
    os.environ["MPLCONFIGDIR"] = folder
    logging.getLogger("ultralytics").setLevel(logging.ERROR)


def _temporary_config_folder() -> Path:
    current = os.environ.get("YOLO_CONFIG_DIR", "")
    if current and Path(current).name.startswith(_PREFIX):
        return Path(current)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
