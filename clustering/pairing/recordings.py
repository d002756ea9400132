"""When paired recordings are on: looked for once, wherever that is done, and kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from clustering.pairing.lesson import DIGITS
from clustering.pairing.on_air import OffSettings, spans_on
from clustering.settings import ClusterSettings
from data.core.errors import InputError
from data.core.intervals import Intervals, as_intervals
from data.core.progress import Progress
from data.execution.tasks import Runner, Task, TaskContext, Work
from data.project.project import Project
from data.video.footage import Footage

_VERSION = 1
"""Raised when the same recording and settings would give other times when it is on."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that is looked through for when it is on."""

    name: str  # in the project
    footage: Footage
    off: OffSettings
    threads: int


def look_when_on(given: Recording, place: TaskContext) -> list[list[float]]:
    """Return when a recording is on, beginning and end of each stretch in seconds."""
    looks = max(math.ceil(given.footage.duration_s / given.off.look_every_s), 1)
    with place.progress(f"{given.name}, when it is on", looks, 0) as bar:
        on = spans_on(
            given.footage, given.off, threads=given.threads, advance=lambda: bar.update(1)
        )
    found: list[list[float]] = on.round(DIGITS).tolist()
    return found


def find_when_on(
    project: Project,
    footages: Iterable[tuple[str, Footage]],
    settings: ClusterSettings,
    progress: Progress,
    runner: Runner,
) -> dict[str, InputError]:
    """Find when recordings are on, but for those that an earlier run looked through.

    Returns:
        By name what is wrong with the recordings that cannot be used.
    """
    refused = {}
    threads = runner.threads(settings.backend.threads)
    works = (_work(project, name, footage, settings, threads) for name, footage in footages)
    for finished in runner.run(works, progress, frames=0):  # each recording has a bar of its own
        name, inputs = finished.work.name, finished.work.about
        if finished.refused is not None:
            refused[name] = finished.refused
        elif finished.work.last is not None:
            project.finish(_stage(name), {**inputs, "on": finished.result})
    return refused


def when_on(project: Project, name: str) -> Intervals:
    """Return when a recording is on, as was found, by its own presentation time."""
    return as_intervals(project.stages[_stage(name)]["on"])


def off_settings(project: Project, name: str) -> OffSettings:
    """Return what counted as off when a recording was looked through."""
    kept = project.stages[_stage(name)]
    return OffSettings(kept["shortest_s"], kept["frozen_s"])


def _stage(name: str) -> str:
    return f"presence in {name}"


def _work(
    project: Project, name: str, footage: Footage, settings: ClusterSettings, threads: int
) -> Work[dict[str, Any], list[list[float]]]:
    """What is to be done about a recording: nothing where that is done."""
    off = settings.pairing.off
    inputs = {"version": _VERSION, "size_bytes": footage.size_bytes, **asdict(off)}
    kept = project.stages.get(_stage(name), {})
    if not settings.force and {key: kept.get(key) for key in inputs} == inputs:
        return Work(name, inputs)
    recording = Recording(name, footage, off, threads)
    return Work(name, inputs, last=Task(look_when_on, recording))
