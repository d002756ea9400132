"""Rewrite the people folders and the dataset in a background thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from clustering.output.write import OutputChanges, write_people
from data.core.counts import counted
from data.core.errors import InputError
from data.core.progress import Bar
from web.core.errors import RefusedError
from web.core.library import OpenProject

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class WritingState:
    """Progress of writing one project."""

    state: str = "idle"  # idle, running, done or failed
    done: int = 0  # files
    total: int = 0
    message: str = ""  # result, or reason for the failure

    def as_json(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return asdict(self)


class WritingJobs:
    """Background threads that write, at most one per project."""

    def __init__(self) -> None:
        self._states: dict[str, WritingState] = {}
        self._lock = threading.Lock()

    def state(self, project: OpenProject) -> WritingState:
        """Return the progress of a project; idle if no writing was started."""
        return self._states.get(project.id) or WritingState()

    def start(self, project: OpenProject) -> WritingState:
        """Start writing.

        Raises:
            RefusedError: the project is already being written.
        """
        with self._lock:
            if self.state(project).state == "running":
                raise RefusedError(
                    409, "the dataset is already being updated; wait until that is done"
                )
            state = self._states[project.id] = WritingState("running")
        # A daemon thread: if the server stops, the next writing resumes from the finished files.
        threading.Thread(target=_write, args=(project, state), daemon=True).start()
        return state


def _write(project: OpenProject, state: WritingState) -> None:
    try:
        changes: OutputChanges = write_people(project.read(), progress=_progress_into(state))
    except InputError as error:
        state.message = project.shown(str(error))
        state.state = "failed"
    except Exception:
        _LOG.exception("writing %s", project.folder)
        state.message = "internal error; see the terminal that runs this server"
        state.state = "failed"
    else:
        people = counted(len(changes.people), "person", "people")
        state.message = f"{people}, {counted(changes.images, 'image')}"
        state.state = "done"


class _StateBar:
    def __init__(self, state: WritingState) -> None:
        self._state = state

    def update(self, n: int) -> None:
        self._state.done += n

    def set_postfix_str(self, s: str) -> None:
        del s


def _progress_into(state: WritingState) -> Any:
    @contextmanager
    def bar(name: str, total: int, done: int) -> Iterator[Bar]:
        del name
        state.total, state.done = total, done
        yield _StateBar(state)

    return bar
