"""Find the on-air times of paired recordings in tasks of a runner, and store them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clustering.pairing.lesson import DIGITS
from clustering.pairing.on_air import OffSettings, on_air_intervals
from data.core.intervals import Intervals, as_intervals
from data.execution.context import RunContext
from data.execution.tasks import Task, TaskContext, Work
from data.project.project import Project
from data.project.stages import RECORDING, RecordingRecord
from data.video.footage import Footage

_VERSION = 1
"""Increment when the same recording and settings would give different on-air times."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Task input: a recording, and how to find its on-air times."""

    name: str  # name in the project
    footage: Footage
    off: OffSettings
    threads: int

    @property
    def frames(self) -> int:
        """Estimated number of frames to sample."""
        return max(math.ceil(self.footage.duration_s / self.off.every_s), 1)


def detect_on_air(recording: Recording, context: TaskContext) -> list[list[float]]:
    """Return the start and end in seconds of each interval in which a recording is on air."""
    with context.progress(f"{recording.name}: finding gaps", recording.frames, 0) as bar:
        on = on_air_intervals(
            recording.footage,
            recording.off,
            threads=recording.threads,
            advance=lambda: bar.update(1),
        )
    spans: list[list[float]] = on.round(DIGITS).tolist()
    return spans


def find_on_air_times(
    project: Project,
    footages: Sequence[tuple[str, Footage]],
    off: OffSettings,
    *,
    threads: int,
    force: bool,
    context: RunContext,
) -> dict[str, Exception]:
    """Find and store the on-air times of recordings that have none yet.

    Returns:
        Errors of recordings that cannot be used, by name.
    """
    refused: dict[str, Exception] = {}
    if not footages:
        return refused
    threads = context.runner.threads(threads)
    recordings = (Recording(name, footage, off, threads) for name, footage in footages)
    works = [_work(project, recording, force=force) for recording in recordings]
    frames = sum(work.total for work in works)
    for finished in context.runner.run(works, context.progress, frames=frames):
        name, inputs = finished.work.name, finished.work.payload
        if finished.error is not None:
            refused[name] = finished.error
        elif finished.result is not None:
            on = tuple((begin, end) for begin, end in finished.result)
            project.finish(RECORDING, replace(inputs, on=on), name)
    return refused


def on_air_times(project: Project, name: str) -> Intervals:
    """Return the stored on-air times of a recording, ``(n, 2)`` s of its presentation time."""
    return as_intervals(project.require_record(RECORDING, name).on)


def off_settings(project: Project, name: str) -> OffSettings:
    """Return the settings used to find the on-air times of a recording."""
    record = project.require_record(RECORDING, name)
    return OffSettings(record.shortest_s, record.frozen_s)


def _work(
    project: Project, recording: Recording, *, force: bool
) -> Work[RecordingRecord, list[list[float]]]:
    """Return the work for a recording, without a task if its on-air times are up to date."""
    name, off, size_bytes = recording.name, recording.off, recording.footage.size_bytes
    inputs = RecordingRecord(_VERSION, size_bytes, off.shortest_s, off.frozen_s, on=())
    known = project.record(RECORDING, name)
    if not force and known is not None and replace(known, on=()) == inputs:
        return Work(name, inputs, total=0)
    return Work(name, inputs, last=Task(detect_on_air, recording), total=recording.frames)
