"""When paired recordings are on: looked for once, wherever that is done, and kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from clustering.pairing.lesson import DIGITS
from clustering.pairing.on_air import OffSettings, spans_on
from clustering.settings import ClusterSettings
from data.core.errors import InputError
from data.core.intervals import Intervals, as_intervals
from data.execution.context import RunContext
from data.execution.tasks import Task, TaskContext, Work
from data.project.project import Project
from data.project.stages import RECORDING, RecordingRecord
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


def look_when_on(recording: Recording, context: TaskContext) -> list[list[float]]:
    """Return when a recording is on, beginning and end of each stretch in seconds."""
    looks = max(math.ceil(recording.footage.duration_s / recording.off.look_every_s), 1)
    with context.progress(f"{recording.name}, when it is on", looks, 0) as bar:
        on = spans_on(
            recording.footage,
            recording.off,
            threads=recording.threads,
            advance=lambda: bar.update(1),
        )
    found: list[list[float]] = on.round(DIGITS).tolist()
    return found


def find_when_on(
    project: Project,
    footages: Iterable[tuple[str, Footage]],
    settings: ClusterSettings,
    *,
    context: RunContext,
) -> dict[str, InputError]:
    """Find when recordings are on, but for those that an earlier run looked through.

    Returns:
        By name what is wrong with the recordings that cannot be used.
    """
    refused = {}
    threads = context.runner.threads(settings.backend.threads)
    works = (_work(project, name, footage, settings, threads) for name, footage in footages)
    # Each recording has a bar of its own.
    for finished in context.runner.run(works, context.progress, frames=0):
        name, inputs = finished.work.name, finished.work.payload
        if finished.refused is not None:
            refused[name] = finished.refused
        elif finished.result is not None:
            on = tuple((begin, end) for begin, end in finished.result)
            project.finish(RECORDING, replace(inputs, on=on), name)
    return refused


def when_on(project: Project, name: str) -> Intervals:
    """Return when a recording is on, as was found, by its own presentation time."""
    return as_intervals(project.require_record(RECORDING, name).on)


def off_settings(project: Project, name: str) -> OffSettings:
    """Return what counted as off when a recording was looked through."""
    record = project.require_record(RECORDING, name)
    return OffSettings(record.shortest_s, record.frozen_s)


def _work(
    project: Project, name: str, footage: Footage, settings: ClusterSettings, threads: int
) -> Work[RecordingRecord, list[list[float]]]:
    """What is to be done about a recording: nothing where that is done."""
    off = settings.pairing.off
    inputs = RecordingRecord(_VERSION, footage.size_bytes, off.shortest_s, off.frozen_s, on=())
    known = project.record(RECORDING, name)
    if not settings.force and known is not None and replace(known, on=()) == inputs:
        return Work(name, inputs)
    recording = Recording(name, footage, off, threads)
    return Work(name, inputs, last=Task(look_when_on, recording))
