"""How a stage's work is run: its tasks in this process, or wherever another runner puts them.

A stage says what is to be done about each footage: tasks that wait for no other, and a last one
that puts together what they wrote. A task is a function of a module and a record of what it is
given, so that both can go to another process or machine. It writes files of its own and nothing
else: what the project knows to be done is noted by the stage, which holds the project's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from data.core.errors import InputError
from data.core.progress import Bar, NoBar, Progress
from data.execution.segments import damage_of_all
from data.video.frames import Damage

T = TypeVar("T")
A = TypeVar("A")
L = TypeVar("L")
K = TypeVar("K", bound=Hashable)


class TaskContext:
    """What a task finds where it runs: bars, and what the tasks before it have loaded."""

    def __init__(self, progress: Progress) -> None:
        """Take what makes the bars of last tasks; those of one footage share ``bar``."""
        self.progress = progress
        self.bar: Bar = NoBar()
        self._loaded: dict[Callable[[Any], Any], tuple[Hashable, Any]] = {}

    def loaded(self, load: Callable[[K], T], settings: K) -> T:
        """Return ``load(settings)``, the same as before as long as the settings are the same."""
        known = self._loaded.get(load)
        if known is None or known[0] != settings:
            self._loaded.pop(load, None)  # before the next one takes its memory
            known = self._loaded[load] = (settings, load(settings))
        result: T = known[1]
        return result


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """Something that can be done anywhere, and again: what is there already stays."""

    do: Callable[[Any, TaskContext], T]  # a function of a module
    given: Any  # can be pickled
    gpus: float = 0.0  # share of one that it needs, where that has to be said
    reads: tuple[str, ...] = ()  # files and folders of the project, relative to it

    def run(self, place: TaskContext) -> T:
        """Do it."""
        return self.do(self.given, place)


@dataclass(frozen=True, slots=True)
class Work(Generic[A, L]):
    """What is to be done about one footage.

    Args:
        name: of the footage.
        about: what the stage wants to remember of it; goes nowhere.
        tasks: wait for no other, and return what was damaged; none where all that is done.
        last: is done after all of them; None where nothing is to be done.
        total: frames that the tasks are about.
        done: frames that an earlier run has done.
    """

    name: str
    about: A
    tasks: tuple[Task[Damage], ...] = ()
    last: Task[L] | None = None
    total: int = 1
    done: int = 0


@dataclass(frozen=True, slots=True)
class Finished(Generic[A, L]):
    """What came of one footage's work."""

    work: Work[A, L]
    damage: Damage
    result: L | None  # of the last task, if there was one
    refused: InputError | None = None  # what is wrong with the footage

    def require(self) -> None:
        """Raise what is wrong with the footage, if anything is."""
        if self.refused is not None:
            raise self.refused


class Runner(Protocol):
    """What runs the work of a stage."""

    def run(
        self, works: Iterable[Work[A, L]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[A, L]]:
        """Yield each footage's work when it is finished, in whatever order that is.

        A footage that is refused stops no other; any other error, and the end of this generator,
        stops all.

        Args:
            works: is read as there is room for more.
            progress: makes the bars.
            frames: that all works are about, as far as is known before.
        """
        ...

    def threads(self, asked: int) -> int:
        """Return how many threads a task shall use, 0 for all cores; so many were asked for."""
        ...


class LocalRunner:
    """Runs one task after the other in this process."""

    def run(
        self,
        works: Iterable[Work[A, L]],
        progress: Progress,
        *,
        frames: int,  # noqa: ARG002 - each footage has a bar of its own
    ) -> Iterator[Finished[A, L]]:
        """Yield each footage's work, in order; the next is asked for when that is dealt with."""
        place = TaskContext(progress)
        for work in works:
            yield _finish(work, place)

    def threads(self, asked: int) -> int:
        """Return what was asked for."""
        return asked


def _finish(work: Work[A, L], place: TaskContext) -> Finished[A, L]:
    damage: list[Damage] = []
    try:
        if work.tasks:
            with place.progress(work.name, work.total, work.done) as place.bar:
                damage = [task.run(place) for task in work.tasks]
        result = work.last.run(place) if work.last else None
    except InputError as error:
        return Finished(work, Damage(), None, error)
    return Finished(work, damage_of_all(damage), result)
