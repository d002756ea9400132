"""Run the next command of a project from its pages: one at a time, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from data.project.status import next_command
from web.core.errors import RefusedError
from web.core.library import OpenProject, ProjectParameter
from web.core.status import project_status, statuses_of

MODULES: Final = {
    "cluster-faces": "clustering.cli",
    "train-tracker": "tracking.training.cli",
    "track-people": "tracking.track_cli",
    "crop-people": "cropping.crop_cli",
    "smile-gifs": "cropping.smiles.cli",
}
"""Module of every command that a page may run."""
_LAST_LINES: Final = 3  # of what a command prints, which a page shows
_PATIENCE_S: Final = 10.0  # time of a command to stop when the server stops

router = APIRouter(prefix="/api/projects/{project_id}/command")


@dataclass(slots=True)
class CommandState:
    """Progress of a command."""

    state: Literal["idle", "running", "done", "stopped", "failed"] = "idle"
    command: str = ""  # as the user would type it
    label: str = ""  # what it does at the moment
    done: int = 0
    total: int = 0
    message: str = ""  # its last lines

    def as_json(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return asdict(self)


class CommandRunner:
    """Run at most one command, of any project."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, CommandState] = {}  # by project
        self._running: subprocess.Popen[str] | None = None

    def state(self, project: OpenProject) -> CommandState:
        """Return the progress of a project's command; idle if none was started."""
        return self._states.get(project.id) or CommandState()

    def start(self, project: OpenProject) -> CommandState:
        """Start the next command of a project.

        Raises:
            InputError: the state of the project is unknown.
            RefusedError: there is nothing to run, or a command is running.
        """
        words = next_command(statuses_of(project.read()))
        if not words or words[0] not in MODULES:
            raise RefusedError(409, "there is no command to run; reload the page")
        with self._lock:
            if self._running is not None:
                raise RefusedError(409, "a command is running; wait until it is done, or stop it")
            state = CommandState("running", project_status(project).command)
            self._running = process = _start(words, project)
            self._states[project.id] = state
        threading.Thread(target=self._follow, args=(process, project, state), daemon=True).start()
        return state

    def stop(self, project: OpenProject) -> CommandState:
        """Stop the command of a project, as Ctrl-C does: the next run resumes it."""
        state = self.state(project)
        with self._lock:
            if state.state == "running" and self._running is not None:
                _interrupt(self._running)
        return state

    def close(self) -> None:
        """Stop the command that is running, if any, and wait for its end."""
        process = self._running
        if process is None:
            return
        _interrupt(process)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()

    def _follow(
        self, process: subprocess.Popen[str], project: OpenProject, state: CommandState
    ) -> None:
        assert process.stdout is not None
        lines: list[str] = []
        with process.stdout:
            for line in process.stdout:
                event = _event(line)
                if event is None:
                    lines = [*lines, project.shown(line.strip())][-_LAST_LINES:]
                    state.message = "\n".join(lines)
                elif "progress" in event:
                    state.label = str(event["progress"])
                    state.done, state.total = int(event["done"]), int(event["total"])
        code = process.wait()
        with self._lock:
            self._running = None
            stopped = code in (130, -signal.SIGINT, -signal.SIGTERM)
            state.state = "done" if code == 0 else "stopped" if stopped else "failed"


def _start(words: Sequence[str], project: OpenProject) -> subprocess.Popen[str]:
    name, *arguments = words
    # -P: no module of the folder hides one of fancam's.
    command = [sys.executable, "-P", "-m", MODULES[name], *arguments, "--progress", "json"]
    return subprocess.Popen(
        command,
        cwd=project.folder.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C in the server's terminal is the server's
    )


def _interrupt(process: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        process.send_signal(signal.SIGINT)
    else:
        process.terminate()


def _event(line: str) -> dict[str, Any] | None:
    """Return the object of a line of ``--progress json``; None for any other line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


class EmptyRequest(BaseModel):
    """A request without content."""

    model_config = ConfigDict(extra="forbid")


@router.get("")
def command_state(request: Request, project: ProjectParameter) -> dict[str, Any]:
    """Return the progress of the project's command."""
    return _runner(request).state(project).as_json()


@router.post("")
def start(request: Request, project: ProjectParameter, empty: EmptyRequest) -> JSONResponse:
    """Start the next command of the project."""
    del empty
    return JSONResponse(_runner(request).start(project).as_json(), 202)


@router.post("/stop")
def stop(request: Request, project: ProjectParameter, empty: EmptyRequest) -> JSONResponse:
    """Stop the command of the project."""
    del empty
    return JSONResponse(_runner(request).stop(project).as_json(), 202)


def _runner(request: Request) -> CommandRunner:
    runner: CommandRunner = request.app.state.command_runner
    return runner
