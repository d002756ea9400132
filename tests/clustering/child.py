"""Run `cluster-faces` in a separate process that is killed, or runs without rights.

The process is a fork of a server with all imports done, so that a run takes tenths of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

# The command's lazy imports are done here: a process without rights may not read them.
import av  # noqa: F401
import filelock  # noqa: F401
import imutils  # noqa: F401
import PIL.Image  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pytest
import tqdm  # noqa: F401

from clustering import cli
from clustering.faces import choice, extraction, tasks
from tests import ROOT
from tests.clustering.command import Ran, ran
from tests.clustering.fakes import CornerDetector, CornerEmbedder

PART_FRAMES = 4
"""Frames per part and per batch instead of 64, so that small clips have several parts."""
NOBODY = 65534  # the unprivileged user of Linux and macOS
_TIMEOUT_S = 60
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True, slots=True)
class Death:
    """Moment at which a run gets a signal: before the ``count``-th action that matches ``what``.

    ``what`` is a pattern of "rename <to>", "write <file>", "link <to>", "remove <file>",
    "sql <statement>".
    """

    what: str
    count: int = 1
    signal: int = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no SIGKILL


def run_in_child(
    folder: Path, *arguments: str, death: Death | None = None, without_rights: bool = False
) -> Ran:
    """Run the command in ``folder`` with the cheap networks and wait for its end."""
    return _ended(_started(folder, arguments, death, without_rights=without_rights), folder)


@contextmanager
def held_in_child(folder: Path, *arguments: str, moment: Death) -> Iterator[Callable[[], Ran]]:
    """Run the command, and hold it at a moment; yield what lets it go on and waits for its end."""
    held, released = (Path(f"{folder}.{name}") for name in ("held", "released"))
    process = _started(folder, arguments, moment, hold=True)

    def finish() -> Ran:
        released.touch()
        return _ended(process, folder)

    try:
        end_s = time.monotonic() + _TIMEOUT_S
        while not held.exists():
            if process.exitcode is not None or time.monotonic() > end_s:
                pytest.fail(f"the run does not come to {moment.what}")
            time.sleep(0.01)
        yield finish
    finally:
        process.kill()
        for file in (held, released):
            file.unlink(missing_ok=True)


def _started(
    folder: Path,
    arguments: Sequence[str],
    death: Death | None,
    *,
    without_rights: bool = False,
    hold: bool = False,
) -> BaseProcess:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("no forkserver on this system")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    details = str(folder), arguments, death, without_rights, hold
    process = context.Process(target=_main, args=details)
    with chdir(ROOT):  # where the server finds these tests, before those that a library installed
        process.start()
    return process


def _ended(process: BaseProcess, folder: Path) -> Ran:
    process.join(_TIMEOUT_S)
    if process.exitcode is None:
        process.kill()
        pytest.fail("the run did not end")
    files = [Path(f"{folder}.{name}") for name in ("out", "err")]
    out, err = (file.read_text("utf-8", errors="replace") for file in files)
    for file in files:
        file.unlink()
    return ran(process.exitcode, out, err)


def _main(
    folder: str,
    arguments: Sequence[str],
    death: Death | None,
    without_rights: bool,
    hold: bool,
) -> None:
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(f"{folder}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    if without_rights and os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    install_fakes(setattr, CornerDetector())
    if death is not None:
        arm(death, partial(_wait, folder) if hold else None)
    sys.exit(cli.main(arguments))


def _wait(folder: str) -> None:
    Path(f"{folder}.held").touch()
    while not Path(f"{folder}.released").exists():
        time.sleep(0.01)


def install_fakes(replace: Callable[[Any, str, Any], None], detector: CornerDetector) -> None:
    """Replace the stage's networks by cheap ones, without a line about missing models."""
    replace(choice, "ensure_models", lambda *_, **__: frozenset())
    replace(tasks, "load_detector", lambda _settings: detector)
    replace(tasks, "load_embedder", lambda _settings: CornerEmbedder())
    replace(tasks, "CHECKPOINT_FRAMES", PART_FRAMES)
    replace(extraction, "_BATCH_FRAMES", PART_FRAMES)


def arm(death: Death, act: Callable[[], None] | None = None) -> None:
    """Make this process signal itself, or else act, at the given moment."""
    pattern, left = re.compile(death.what), death.count

    def strike(event: str) -> None:
        nonlocal left
        if left and pattern.search(event):
            left -= 1
            if not left:
                os.kill(os.getpid(), death.signal) if act is None else act()

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "os.rename":
            strike(f"rename {details[1]}")
        elif event == "os.link":
            strike(f"link {details[1]}")
        elif event == "os.remove":
            strike(f"remove {details[0]}")
        elif event == "open" and details[2] & _WRITING:
            strike(f"write {details[0]}")

    def traced(path: Path, timeout: float) -> sqlite3.Connection:
        connection = connect(path, timeout=timeout)
        connection.set_trace_callback(lambda statement: strike(f"sql {statement}"))
        return connection

    connect, sqlite3.connect = sqlite3.connect, traced  # type: ignore[assignment]
    sys.addaudithook(watch)
