"""Run a command in a pseudo-terminal of a given width, and type on it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CTRL_C: Final = b"\x03"
CTRL_D: Final = b"\x04"
ENTER: Final = b"\r"
PROMPT_S: Final = 0.5
"""From the prompt to the keys: a signal in between, before the library reads, is noticed late."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Exit code of a command, and all that the terminal received."""

    code: int  # negative: number of the signal that ended it
    output: str


def type_at(
    command: Sequence[str],
    prompt: str,
    keys: bytes,
    *,
    folder: Path,
    environment: dict[str, str],
    columns: int = 80,
    timeout_s: float = 120,
) -> Ended:
    """Run a command, type ``keys`` once ``prompt`` is shown, and wait for its end."""
    terminal, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(
        command,
        stdin=own,
        stdout=own,
        stderr=own,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(own)
    try:
        output = _converse(terminal, prompt, keys, time.monotonic() + timeout_s)
        return Ended(child.wait(timeout_s), output)
    finally:
        child.kill()
        os.close(terminal)


def _converse(terminal: int, prompt: str, keys: bytes, until_s: float) -> str:
    output, typed = b"", False
    while time.monotonic() < until_s:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            received = os.read(terminal, 1 << 16)
        except OSError:  # the command has closed its side
            break
        if not received:
            break
        output += received
        if not typed and prompt.encode() in output:
            time.sleep(PROMPT_S)
            os.write(terminal, keys)
            typed = True
    return output.decode(errors="replace")
