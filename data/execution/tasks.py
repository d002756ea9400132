"""Tasks of a stage and the runners that execute them, in this process or on other machines.

A stage plans the work on each footage: tasks that are independent of each other, and a last task
that combines their output. A task is a module-level function and its payload, so that it can be
sent to another process or machine. A task writes only files of its own. The stage, which holds the
project's lock, records finished work in the project.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from data.core.errors import ends_run
from data.core.progress import Bar, NoBar, Progress
from data.execution.segments import damage_of_all
from data.video.frames import Damage

T = TypeVar("T")
SettingsT = TypeVar("SettingsT", bound=Hashable)
PayloadT = TypeVar("PayloadT")
ResultT = TypeVar("ResultT")


class TaskContext:
    """Per-process context of tasks: progress bars, and a cache of loaded models.

    Args:
        progress: makes the bars of last tasks; all other tasks of a footage share ``bar``.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.bar: Bar = NoBar()
        self._loaded: dict[Callable[[Any], Any], tuple[Hashable, Any]] = {}

    def loaded(self, load: Callable[[SettingsT], T], settings: SettingsT) -> T:
        """Return ``load(settings)``, cached until the settings change."""
        cached = self._loaded.get(load)
        if cached is None or cached[0] != settings:
            self._loaded.pop(load, None)  # frees its memory before the next model is loaded
            cached = self._loaded[load] = (settings, load(settings))
        result: T = cached[1]
        return result


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """Function call that any process can execute, and repeat: it keeps finished output.

    Args:
        function: module-level; takes the payload and the context.
        payload: first argument of the function; picklable.
        gpus: share of a GPU to reserve on a cluster.
        reads: input files and folders of the project, relative to the project folder.
    """

    function: Callable[[Any, TaskContext], T]
    payload: Any
    gpus: float = 0.0
    reads: tuple[str, ...] = ()

    def run(self, context: TaskContext) -> T:
        """Call the function."""
        return self.function(self.payload, context)


@dataclass(frozen=True, slots=True)
class Work(Generic[PayloadT, ResultT]):
    """The tasks of one footage.

    Args:
        name: name of the footage.
        payload: data that the stage needs when the work is finished; not sent to other processes.
        tasks: independent tasks; each returns the damage of its segment.
        last: task that runs after all others.
        total: frames that the tasks cover.
        done: frames that an earlier run has processed.
        number: index of the footage in the run, from 0; set by `run_footages`.
    """

    name: str
    payload: PayloadT
    tasks: tuple[Task[Damage], ...] = ()
    last: Task[ResultT] | None = None
    total: int = 1
    done: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Finished(Generic[PayloadT, ResultT]):
    """The outcome of one footage's work."""

    work: Work[PayloadT, ResultT]
    damage: Damage
    result: ResultT | None  # of the last task; None without a last task
    error: Exception | None = None  # reason why the footage is unusable

    def require(self) -> None:
        """Raise the footage's error, if there is one."""
        if self.error is not None:
            raise self.error

    def output(self) -> ResultT:
        """Return the result of the last task.

        Raises:
            ValueError: the work has no last task, or it failed.
        """
        if self.result is None:
            raise ValueError(f"{self.work.name} must have the result of a last task")
        return self.result


class Runner(Protocol):
    """Executes the tasks of a stage."""

    def run(
        self, works: Iterable[Work[PayloadT, ResultT]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        """Yield each footage's work when it is finished, in any order.

        An error of one footage does not stop the others, unless `ends_run` says so. Such an error,
        and closing the generator, stops all tasks.

        Args:
            works: consumed lazily, whenever a task can be started.
            progress: makes the bars.
            frames: estimated number of frames in all works.
        """
        ...

    def threads(self, requested: int) -> int:
        """Return the number of threads per task, 0 for all cores.

        Args:
            requested: number that the user requested; 0 for all cores.
        """
        ...


class LocalRunner:
    """Runs tasks in this process, one after another."""

    def run(
        self,
        works: Iterable[Work[PayloadT, ResultT]],
        progress: Progress,
        *,
        frames: int,  # noqa: ARG002 - each footage has a bar of its own
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        """Yield each footage's work, in order, before the next one is requested."""
        context = TaskContext(progress)
        for work in works:
            yield _run_work(work, context)

    def threads(self, requested: int) -> int:
        """Return the requested number."""
        return requested


def _run_work(work: Work[PayloadT, ResultT], context: TaskContext) -> Finished[PayloadT, ResultT]:
    damage: list[Damage] = []
    try:
        if work.tasks:
            with context.progress(work.name, work.total, work.done) as context.bar:
                damage = [task.run(context) for task in work.tasks]
        result = work.last.run(context) if work.last else None
    except Exception as error:
        if ends_run(error):
            raise
        return Finished(work, Damage(), None, error)
    return Finished(work, damage_of_all(damage), result)
