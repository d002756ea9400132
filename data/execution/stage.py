"""The skeleton of every stage that works on footages one by one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from data.execution.context import RunContext
from data.execution.tasks import Finished, PayloadT, ResultT, Work
from data.project.project import FootageEntry, Project, absolute

FootageT = TypeVar("FootageT")
SummaryT = TypeVar("SummaryT")


class FootageStage(ABC, Generic[FootageT, PayloadT, ResultT, SummaryT]):
    """What a stage does for one footage; `run_footages` does it for all.

    Both methods run in the process that holds the project's lock.
    """

    @abstractmethod
    def plan(self, footage: FootageT, *, threads: int) -> Work[PayloadT, ResultT]:
        """Return the tasks that a footage still needs.

        Args:
            footage: as it was requested.
            threads: of each task.

        Raises:
            InputError: the footage cannot be used.
        """

    @abstractmethod
    def finish(self, finished: Finished[PayloadT, ResultT], *, took_s: float) -> SummaryT:
        """Record in the project what is finished, and summarise it.

        Args:
            finished: usable.
            took_s: seconds since its planning.
        """

    def refuse(self, finished: Finished[PayloadT, ResultT]) -> None:
        """Take back what planning recorded of a footage that turned out unusable."""


def run_footages(
    stage: FootageStage[FootageT, PayloadT, ResultT, SummaryT],
    footages: Sequence[FootageT],
    context: RunContext,
    *,
    threads: int,
    frames: int,
) -> list[SummaryT]:
    """Plan each footage, run its tasks and record what is finished.

    The caller holds the project's lock and has announced the footages to ``context.failures``.

    Args:
        stage: plans and finishes single footages.
        footages: in any form that the stage understands.
        context: of the run.
        threads: of each task, as the user requested; 0 for all cores.
        frames: estimated total of all footages.

    Returns:
        Summaries in the order of the footages, without those that failed.

    Raises:
        InputError: see `Failures.guard`.
    """
    each_threads = context.runner.threads(threads)
    started_s: dict[int, float] = {}

    def plan(numbered: tuple[int, FootageT]) -> Work[PayloadT, ResultT]:
        number, footage = numbered
        started_s[number] = time.monotonic()
        return replace(stage.plan(footage, threads=each_threads), number=number)

    works = context.failures.each(enumerate(footages), plan)
    summaries: dict[int, SummaryT] = {}
    for finished in context.runner.run(works, context.progress, frames=frames):
        number = finished.work.number
        with context.failures.guard():
            if finished.refused is not None:
                stage.refuse(finished)
            finished.require()
            took_s = time.monotonic() - started_s[number]
            summaries[number] = stage.finish(finished, took_s=took_s)
    return [summaries[number] for number in sorted(summaries)]


def known_footages(project: Project, paths: Sequence[Path]) -> list[FootageEntry]:
    """Return the entries of those footages that the project knows."""
    wanted = {absolute(path) for path in paths}
    return [entry for entry in project.footages.values() if entry.path in wanted]
