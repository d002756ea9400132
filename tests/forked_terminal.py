"""Run a command with cheap networks on a pseudo-terminal, and type keys at a moment of its work.

The process is a fork of a server with all imports done, so that a run takes tenths of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import cropping.crop_cli
import cropping.expression_cli
import cropping.expressions.stage
import cropping.expressions.training
import fancam.cli
import fancam.export
import fancam.run
import web.cli
import web.serving
from tests import ROOT
from tests.clustering.child import Death, arm
from tests.decisions import stages
from tests.terminal import CTRL_C, PROMPT_S

PARTS: Final = 4
"""Frames per checkpoint, chunk and batch: small clips have several."""
_MARK: Final = b"<moment>"
_EVERY_S: Final = 0.02  # from one key to the next, if a key is held down
_TIMEOUT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Typing:
    """Keys that are typed when the command shows a text, or before an action of `Death.what`."""

    moment: str
    keys: bytes = CTRL_C
    count: int = 1  # the how-many-eth such action
    shown: bool = False  # the moment is a text
    held: bool = False  # the keys are repeated until the command has ended


@dataclass(frozen=True, slots=True)
class Left:
    """A command that has ended.

    Args:
        code: its exit code.
        output: all that the terminal received.
        restored: whether the terminal's settings are those from before.
        typed: whether the moment came.
    """

    code: int | None
    output: str
    restored: bool
    typed: bool

    @property
    def lines(self) -> list[str]:
        """Lines of the output, without the bars that were drawn over."""
        lines = self.output.replace("\r\n", "\n").split("\n")
        return [line.rpartition("\r")[2].rstrip() for line in lines]


def run_on_terminal(
    folder: Path,
    words: Sequence[str],
    typing: Typing | None = None,
    *,
    columns: int = 80,
    trains: bool = False,
) -> Left:
    """Run a command in ``folder``, type on its terminal, and wait for its end.

    Args:
        folder: current folder of the command.
        words: the command.
        typing: keys, and the moment for them.
        columns: width of the terminal.
        trains: whether `train-tracker` trains a network, which takes seconds.
    """
    terminal, own = os.openpty()
    termios.tcsetwinsize(own, (24, columns))
    before = termios.tcgetattr(own)
    before[3] |= termios.NOFLSH  # else Ctrl-C drops what is not read yet
    termios.tcsetattr(own, termios.TCSANOW, before)
    released = Path(f"{folder}.released")
    process = _started(folder, words, os.ttyname(own), typing, trains)
    try:
        typed, output = _converse(terminal, process, typing, released)
        restored = termios.tcgetattr(own) == before
    finally:
        process.kill()
        process.join()
        released.unlink(missing_ok=True)
        os.close(own)
        output += _rest(terminal)
        os.close(terminal)
    output = output.replace(_MARK, b"")
    return Left(process.exitcode, output.decode(errors="replace"), restored, typed)


def _started(
    folder: Path, words: Sequence[str], terminal: str, typing: Typing | None, trains: bool
) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_main, args=(str(folder), words, terminal, typing, trains))
    with chdir(ROOT):  # where the server finds these tests
        process.start()
    return process


def _converse(
    terminal: int, process: BaseProcess, typing: Typing | None, released: Path
) -> tuple[bool, bytes]:
    """Read and type until the command ends, or takes too long."""
    output, typed = b"", False
    until_s, next_s = time.monotonic() + _TIMEOUT_S, 0.0
    mark = _MARK if typing is None or not typing.shown else typing.moment.encode()
    while process.is_alive() and time.monotonic() < until_s:
        if select.select([terminal], [], [], _EVERY_S)[0]:
            output += os.read(terminal, 1 << 16)
        again = typed and typing is not None and typing.held and time.monotonic() >= next_s
        if typing is not None and mark in output and (again or not typed):
            if typing.shown and not typed:
                time.sleep(PROMPT_S)
            os.write(terminal, typing.keys)
            typed, next_s = True, time.monotonic() + _EVERY_S
            released.touch()
    return typed, output


def _rest(terminal: int) -> bytes:
    """Read what the terminal still holds, once no process has it open."""
    output = b""
    with suppress(OSError):
        while received := os.read(terminal, 1 << 16):
            output += received
    return output


# --- in the process ---------------------------------------------------------------------------


def _main(
    folder: str, words: Sequence[str], terminal: str, typing: Typing | None, trains: bool
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.setsid()
    own = os.open(terminal, os.O_RDWR)  # becomes the terminal of the session
    for number in range(3):
        os.dup2(own, number)
    os.close(own)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    _install_small_parts()
    stages.install(setattr, trains=trains)
    if typing is not None and not typing.shown:
        arm(Death(typing.moment, typing.count), partial(_wait, Path(f"{folder}.released")))
    sys.exit(_command(words[0])(list(words[1:])))


def _command(name: str) -> Callable[[list[str]], int]:
    others: dict[str, Callable[[list[str]], int]] = {
        "fancam": fancam.cli.main,
        "serve-people": web.cli.main,
        "train-smiles": cropping.expression_cli.smiles_main,
        "train-expressions": cropping.expression_cli.expressions_main,
    }
    return (stages.COMMANDS | others)[name]


def _install_small_parts() -> None:
    import clustering.faces.stage
    import cropping.render.render
    import cropping.render.segments
    import tracking.detection.tasks

    small: list[tuple[Any, str, object]] = [
        (clustering.faces.stage, "CHECKPOINT_FRAMES", PARTS),
        (tracking.detection.tasks, "CHECKPOINT_FRAMES", PARTS),
        (cropping.render.render, "CHUNK_FRAMES", PARTS),
        (cropping.render.segments, "CHUNK_FRAMES", PARTS),
        (cropping.expressions.training, "_MIN_STEPS", 3),
        (cropping.expressions.stage, "_MIN_AUC", 0),
    ]
    for module, name, value in small:
        assert hasattr(module, name), name
        setattr(module, name, value)


def _wait(released: Path) -> None:
    """Show the moment, and wait until the keys are typed."""
    os.write(1, _MARK)
    end_s = time.monotonic() + _TIMEOUT_S
    while not released.exists() and time.monotonic() < end_s:
        time.sleep(0.005)
    time.sleep(0.05)  # Ctrl-C arrives at the main thread
