"""Base of every stage that processes footages one by one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from data.core.errors import ends_run
from data.execution.context import RunContext
from data.execution.tasks import Finished, PayloadT, ResultT, Work
from data.project.project import FootageEntry, Project, absolute

FootageT = TypeVar("FootageT")
SummaryT = TypeVar("SummaryT")


class FootageStage(ABC, Generic[FootageT, PayloadT, ResultT, SummaryT]):
    """Plans and finishes the work of a stage on one footage; see `run_footages`.

    All methods run in the process that holds the project's lock.
    """

    @abstractmethod
    def plan(self, footage: FootageT, *, threads: int) -> Work[PayloadT, ResultT]:
        """Return the unfinished tasks of a footage.

        Args:
            footage: one of the footages passed to `run_footages`.
            threads: number of threads per task.

        Raises:
            InputError: the footage cannot be used.
        """

    @abstractmethod
    def finish(self, finished: Finished[PayloadT, ResultT], *, took_s: float) -> SummaryT:
        """Record the finished work in the project, and return a summary.

        Args:
            finished: work without an error.
            took_s: seconds since `plan` was called.
        """

    @abstractmethod
    def path_of(self, footage: FootageT) -> Path:
        """Return the path of a footage, for messages."""

    def discard(self, footage: FootageT) -> None:
        """Undo the changes of `plan` for a footage that turned out to be unusable."""


def run_footages(
    stage: FootageStage[FootageT, PayloadT, ResultT, SummaryT],
    footages: Sequence[FootageT],
    context: RunContext,
    *,
    threads: int,
    frames: int,
) -> list[SummaryT]:
    """Plan each footage, run its tasks and record the result.

    The caller holds the project's lock and has announced the footages to ``context.failures``.

    Args:
        stage: plans and finishes single footages.
        footages: passed to ``stage.plan`` one by one.
        context: progress bars, failures and runner.
        threads: number of threads per task that the user requested; 0 for all cores.
        frames: estimated number of frames in all footages.

    Returns:
        Summaries of the footages that did not fail, in the order of ``footages``.

    Raises:
        InputError: see `Failures.guard`.
    """
    task_threads = context.runner.threads(threads)
    started_s: dict[int, float] = {}

    def plan(numbered: tuple[int, FootageT]) -> Work[PayloadT, ResultT]:
        number, footage = numbered
        started_s[number] = time.monotonic()
        with _discarded_if_unusable(stage, footage):
            return replace(stage.plan(footage, threads=task_threads), number=number)

    def path_of(numbered: tuple[int, FootageT]) -> Path:
        return stage.path_of(numbered[1])

    works = context.failures.each(enumerate(footages), plan, path_of)
    summaries: dict[int, SummaryT] = {}
    for finished in context.runner.run(works, context.progress, frames=frames):
        number = finished.work.number
        footage = footages[number]
        path = stage.path_of(footage)
        with context.failures.guard(path), _discarded_if_unusable(stage, footage):
            finished.require()
            took_s = time.monotonic() - started_s[number]
            summaries[number] = stage.finish(finished, took_s=took_s)
    return [summaries[number] for number in sorted(summaries)]


@contextmanager
def _discarded_if_unusable(
    stage: FootageStage[FootageT, Any, Any, Any], footage: FootageT
) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not ends_run(error):
            stage.discard(footage)
        raise


def known_footages(project: Project, paths: Sequence[Path]) -> list[FootageEntry]:
    """Return the entries of those footages that are in the project."""
    requested = {absolute(path) for path in paths}
    return [entry for entry in project.footages.values() if entry.path in requested]


def estimated_frames(project: Project, paths: Sequence[Path]) -> float:
    """Return the estimated number of frames of those footages that are in the project."""
    entries = known_footages(project, paths)
    return float(sum(entry.duration_s * (entry.rate or 1) for entry in entries))
