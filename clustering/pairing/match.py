"""Match pairs of recordings, and store the resulting lessons in the project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clustering.pairing.lesson import DIGITS, Lesson
from clustering.pairing.on_air import OffSettings
from clustering.pairing.options import DISCONNECT, FROZEN
from clustering.pairing.options import PAIR as PAIR_OPTION
from clustering.pairing.overlap import Overlap, find_overlap
from clustering.pairing.recordings import find_on_air_times, off_settings, on_air_times
from clustering.pairing.settings import RecordingPair
from clustering.pairing.start_times import OFFSET, STARTS, Offset, first_frame_s, offset_between
from data.core.atomic import write_json
from data.core.errors import InputError, ends_run
from data.core.intervals import Intervals, as_intervals, clock
from data.execution.context import RunContext
from data.execution.failures import Failures
from data.project.project import Project, absolute
from data.project.stages import FACES, PAIR, OffsetRecord, PairRecord, Spans
from data.video.footage import Footage, add_footage


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Two videos of one lesson whose disconnects are not known yet."""

    footages: tuple[Footage, Footage]
    offset: Offset
    later_s: float  # time from the first frame of the first video to that of the second

    @property
    def paths(self) -> tuple[Path, Path]:
        """Paths of the two videos."""
        return self.footages[0].path, self.footages[1].path

    def overlap(self, first: Intervals, second: Intervals) -> Overlap:
        """Return the overlap of the recordings.

        Args:
            first: ``(n, 2)`` on-air times of the first recording, seconds of its own time.
            second: ``(m, 2)`` on-air times of the second recording, seconds of its own time.

        Raises:
            InputError: there is no overlap.
        """
        second = second + self.later_s
        overlap = find_overlap(first, second)
        if overlap is not None:
            return overlap
        a, b = (footage.path.name for footage in self.footages)
        when = [f"{clock(on[0, 0])} to {clock(on[-1, 1])}" for on in (first, second)]
        raise InputError(
            f"{a} and {b} do not overlap: on the clock of {a}, which runs from {when[0]}, {b} runs "
            f"from {when[1]}, according to {self.offset.source_shown}; correct this with --starts "
            "or --offset"
        )


# --- before the project exists ----------------------------------------------------------------


def pair_up(
    footages: Sequence[Footage], pairs: Sequence[RecordingPair], failures: Failures
) -> tuple[list[Paired], list[Footage]]:
    """Return the pairs among ``footages``, and the footages in no pair.

    Raises:
        InputError: no footage can be used.
    """
    single = {absolute(footage.path): footage for footage in footages}
    paired = []
    for pair in pairs:
        paths = [absolute(path) for path in (pair.first, pair.second)]
        usable = [single.pop(path) for path in paths if path in single]
        if usable:
            with failures.guard(*(footage.path for footage in usable)):
                paired.append(_pair(pair, usable))
    return paired, list(single.values())


def _pair(pair: RecordingPair, footages: Sequence[Footage]) -> Paired:
    if len(footages) < 2:
        lone = footages[0].path
        other = pair.second if absolute(lone) == absolute(pair.first) else pair.first
        reason = f"the other recording, {other.name}, cannot be used"
        advice = "replace that one, or give this one without --pair"
        raise InputError(f"{lone}: left out, since {reason}; {advice}")
    for footage in footages:
        if footage.kind != "video":
            raise InputError(f"--pair {footage.path}: not a video; only recordings are paired")
    offset = pair.offset or offset_between(pair.first, pair.second)
    later_s = offset.seconds + first_frame_s(footages[1]) - first_frame_s(footages[0])
    paired = Paired((footages[0], footages[1]), offset, round(later_s, DIGITS))
    # Fail before anything is written if the recordings cannot overlap according to their headers.
    paired.overlap(*(as_intervals([(0.0, max(footage.duration_s, 1e-3))]) for footage in footages))
    return paired


# --- in a project -----------------------------------------------------------------------------


def find_lessons(
    project: Project,
    paired: Sequence[Paired],
    off: OffSettings,
    *,
    threads: int,
    force: bool,
    context: RunContext,
) -> list[Footage]:
    """Find and store the overlap of each pair; return the footages of pairs that have one.

    Args:
        project: project to update.
        paired: footages of each pair.
        off: settings of the off-air detection.
        threads: threads for decoding; 0 means all cores.
        force: repeat finished work, and accept a footage that has changed.
        context: progress, failures and runner of this run.
    """
    added: list[tuple[Paired, list[str]]] = []
    for pair in paired:
        with context.failures.guard(*pair.paths), _removed_if_refused(project, pair):
            names = [add_footage(project, f, force=force).name for f in pair.footages]
            added.append((pair, names))
    recordings = [
        (name, footage)
        for pair, names in added
        for name, footage in zip(names, pair.footages, strict=True)
    ]
    refused = find_on_air_times(
        project, recordings, off, threads=threads, force=force, context=context
    )
    usable: list[Footage] = []
    for pair, (first, second) in added:
        with context.failures.guard(*pair.paths), _removed_if_refused(project, pair):
            for name in (first, second):
                if name in refused:
                    raise refused[name]
            on = on_air_times(project, first), on_air_times(project, second)
            overlap = pair.overlap(*on)
            _store(project, Lesson((first, second), pair.offset, pair.later_s, on, overlap))
            usable += pair.footages
    return usable


def remove_pairs(project: Project, footages: Sequence[Footage]) -> None:
    """Remove the pairs of footages that will be analysed in full from now on."""
    paths = {absolute(footage.path) for footage in footages}
    remove_pairs_of(project, [e.name for e in project.footages.values() if e.path in paths])


def known_lessons(project: Project) -> list[Lesson]:
    """Return all lessons of the project, from this run and earlier ones."""
    records = project.records(PAIR).values()
    return [_lesson(record) for record in records if set(record.names) <= set(project.footages)]


def analysed_intervals(lessons: Sequence[Lesson]) -> dict[str, Intervals]:
    """Return the intervals of each recording to analyse, ``(n, 2)`` seconds, by name."""
    return {
        name: lesson.analysed(index)
        for lesson in lessons
        for index, name in enumerate(lesson.names)
    }


def pair_options_of(project: Project, name: str) -> tuple[str, ...]:
    """Return the command-line options that pair a footage; empty if it is in no pair."""
    for lesson in known_lessons(project):
        if name in lesson.names:
            paths = [str(project.footages[member].path) for member in lesson.names]
            off = off_settings(project, name)
            return (PAIR_OPTION, *paths, *_offset_options(lesson.offset), *_off_options(off))
    return ()


def _offset_options(offset: Offset) -> tuple[str, ...]:
    if offset.source == STARTS and offset.starts:
        return (STARTS, *offset.starts)
    return (OFFSET, str(offset.seconds)) if offset.source == OFFSET else ()


def _off_options(off: OffSettings) -> tuple[str, ...]:
    frozen = () if off.frozen_s is None else (FROZEN, str(off.frozen_s))
    return (DISCONNECT, str(off.shortest_s), *frozen)


@contextmanager
def _removed_if_refused(project: Project, paired: Paired) -> Iterator[None]:
    """Remove refused footages from the project, unless they have faces."""
    try:
        yield
    except Exception as error:
        if ends_run(error):
            raise
        paths = {absolute(path) for path in paired.paths}
        for entry in list(project.footages.values()):
            if entry.path in paths and not project.has_record(FACES, entry.name):
                del project.footages[entry.name]
        project.save()
        raise


def _store(project: Project, lesson: Lesson) -> None:
    """Store a lesson in the project, and write its JSON file for other programs."""
    first, second = lesson.names
    offset = lesson.offset
    on = _spans(lesson.on[0]), _spans(lesson.on[1])
    record = PairRecord(
        lesson.names,
        OffsetRecord(offset.seconds, offset.source, offset.starts),
        lesson.later_s,
        on,
    )
    if not project.is_finished(PAIR, record, first):
        remove_pairs_of(project, lesson.names)
        project.finish(PAIR, record, first)
    file, content = project.pair_file(first, second), lesson.as_json()
    if not file.exists() or json.loads(file.read_text(encoding="utf-8")) != content:
        write_json(file, content)


def remove_pairs_of(project: Project, names: Sequence[str]) -> None:
    """Remove all pairs that contain these footages."""
    for first, record in project.records(PAIR).items():
        if set(record.names) & set(names):
            project.pair_file(*record.names).unlink(missing_ok=True)
            project.unfinish(PAIR, first)


def _lesson(record: PairRecord) -> Lesson:
    first, second = (as_intervals(on) for on in record.on)
    overlap = find_overlap(first, second + record.later_s)
    if overlap is None:
        raise ValueError(f"pair must overlap, got {record}")
    offset = Offset(record.offset.seconds, record.offset.told_by, record.offset.starts)
    return Lesson(record.names, offset, record.later_s, (first, second), overlap)


def _spans(intervals: Intervals) -> Spans:
    return tuple((begin, end) for begin, end in intervals.tolist())
