"""Writing a project's people folder and dataset again, beside the answering of requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from clustering.output.write import Review, write_people
from data.core.errors import InputError
from data.core.progress import Bar
from web.core.errors import RefusedError
from web.core.library import OpenProject

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class JobState:
    """How far it is."""

    state: str = "idle"  # idle, running, done or failed
    done: int = 0  # files
    total: int = 0
    message: str = ""  # why it failed

    def as_json(self) -> dict[str, Any]:
        """Return it for the page."""
        return asdict(self)


class WritingJobs:
    """At most one job a project."""

    def __init__(self) -> None:
        self._states: dict[str, JobState] = {}
        self._lock = threading.Lock()

    def state(self, project: OpenProject) -> JobState:
        """How far a project's job is."""
        return self._states.get(project.id) or JobState()

    def start(self, project: OpenProject) -> JobState:
        """Start to write.

        Raises:
            RefusedError: it is being written already.
        """
        with self._lock:
            if self.state(project).state == "running":
                raise RefusedError(409, "it is being written already; wait for it")
            state = self._states[project.id] = JobState("running")
        # It need not end: whatever stops the server, the next writing goes on from there.
        threading.Thread(target=_write, args=(project, state), daemon=True).start()
        return state


def _write(project: OpenProject, state: JobState) -> None:
    try:
        review: Review = write_people(project.read(), progress=_progress_into(state))
    except InputError as error:
        state.message = str(error).replace(str(project.folder), project.folder.name)
        state.state = "failed"
    except Exception:
        _LOG.exception("writing %s", project.folder)
        state.message = "something went wrong; the terminal that serves this says what"
        state.state = "failed"
    else:
        state.message = f"{len(review.people)} people, {review.images} images"
        state.state = "done"


class _StateBar:
    def __init__(self, state: JobState) -> None:
        self._state = state

    def update(self, n: int) -> None:
        self._state.done += n

    def set_postfix_str(self, s: str) -> None:
        del s


def _progress_into(state: JobState) -> Any:
    @contextmanager
    def bar(name: str, total: int, done: int) -> Iterator[Bar]:
        del name
        state.total, state.done = total, done
        yield _StateBar(state)

    return bar
