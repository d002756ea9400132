"""Pairs of recordings: matched, and kept in the project with what they have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from clustering.pairing.lesson import DIGITS, Lesson
from clustering.pairing.on_air import OffSettings
from clustering.pairing.options import DISCONNECT, FROZEN
from clustering.pairing.options import PAIR as PAIR_OPTION
from clustering.pairing.overlap import CommonPart, common_part
from clustering.pairing.recordings import find_when_on, off_settings, when_on
from clustering.pairing.settings import RecordingPair
from clustering.pairing.start_times import OFFSET, STARTS, Offset, first_frame_s, offset_between
from clustering.settings import ClusterSettings
from data.core.atomic import write_json
from data.core.errors import InputError
from data.core.intervals import Intervals, as_intervals, clock
from data.execution.context import RunContext
from data.execution.failures import Failures
from data.project.project import Project, absolute
from data.project.stages import FACES, PAIR, OffsetRecord, PairRecord, Spans
from data.video.footage import Footage, take_in


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Two videos that show one lesson."""

    footages: tuple[Footage, Footage]
    offset: Offset
    later_s: float  # from the first's first frame to the second's

    def common(self, first: Intervals, second: Intervals) -> CommonPart:
        """Return the common part where they are on at these times, each by its own.

        Raises:
            InputError: there is none.
        """
        second = second + self.later_s
        part = common_part(first, second)
        if part is not None:
            return part
        a, b = (footage.path.name for footage in self.footages)
        when = [f"{clock(on[0, 0])} to {clock(on[-1, 1])}" for on in (first, second)]
        raise InputError(
            f"{a} and {b}: no part in common: by {self.offset.told_by} {b} is on from {when[1]} of "
            f"{a}, which is on from {when[0]}; say when they were begun by --starts or --offset"
        )


# --- before there is a project ----------------------------------------------------------------


def pair_up(
    footages: Sequence[Footage], pairs: Sequence[RecordingPair], failures: Failures
) -> tuple[list[Paired], list[Footage]]:
    """Return the pairs among ``footages``, and the footages that are in none.

    Raises:
        InputError: nothing can be used.
    """
    single = {absolute(footage.path): footage for footage in footages}
    paired = []
    for pair in pairs:
        paths = [absolute(path) for path in (pair.first, pair.second)]
        found = [single.pop(path) for path in paths if path in single]
        if found:
            with failures.guard(footages=len(found)):
                paired.append(_pair(pair, found))
    return paired, list(single.values())


def _pair(pair: RecordingPair, found: Sequence[Footage]) -> Paired:
    if len(found) < 2:
        lone = found[0].path
        other = pair.second if absolute(lone) == absolute(pair.first) else pair.first
        reason = f"{other.name}, its pair, cannot be used"
        raise InputError(f"{lone}: left out, since {reason}; mend that, or name it without --pair")
    for footage in found:
        if footage.kind != "video":
            raise InputError(f"--pair {footage.path}: not a video; only recordings are paired")
    offset = pair.offset or offset_between(pair.first, pair.second)
    later_s = offset.seconds + first_frame_s(pair.second) - first_frame_s(pair.first)
    paired = Paired((found[0], found[1]), offset, round(later_s, DIGITS))
    # Far apart by their headers already: said before anything is written.
    paired.common(*(as_intervals([(0.0, max(footage.duration_s, 1e-3))]) for footage in found))
    return paired


# --- in a project -----------------------------------------------------------------------------


def find_lessons(
    project: Project,
    paired: Sequence[Paired],
    settings: ClusterSettings,
    *,
    context: RunContext,
) -> list[Footage]:
    """Find and keep what each pair has in common; return the footages of those that have."""
    taken: list[tuple[Paired, list[str]]] = []
    for one in paired:
        with context.failures.guard(footages=2), _left_out_if_refused(project, one):
            names = [take_in(project, f, force=settings.force).name for f in one.footages]
            taken.append((one, names))
    recordings = [
        (name, footage)
        for one, names in taken
        for name, footage in zip(names, one.footages, strict=True)
    ]
    refused = find_when_on(project, recordings, settings, context=context)
    usable: list[Footage] = []
    for one, (first, second) in taken:
        with context.failures.guard(footages=2), _left_out_if_refused(project, one):
            for name in (first, second):
                if name in refused:
                    raise refused[name]
            on = when_on(project, first), when_on(project, second)
            part = one.common(*on)
            _keep(project, Lesson((first, second), one.offset, one.later_s, on, part))
            usable += one.footages
    return usable


def forget_pairs(project: Project, footages: Sequence[Footage]) -> None:
    """Forget the pairs of footages that are looked at whole now."""
    paths = {absolute(footage.path) for footage in footages}
    _forget(project, [e.name for e in project.footages.values() if e.path in paths])


def known_lessons(project: Project) -> list[Lesson]:
    """Return the lessons that the project knows, of this run and earlier ones."""
    kept = project.records(PAIR).values()
    return [_lesson(one) for one in kept if set(one.names) <= set(project.footages)]


def parts_looked_at(lessons: Sequence[Lesson]) -> dict[str, Intervals]:
    """Return by name what of each recording is looked at."""
    return {
        name: lesson.looked_at(who) for lesson in lessons for who, name in enumerate(lesson.names)
    }


def pair_options_of(project: Project, name: str) -> tuple[str, ...]:
    """Return the options by which a footage was paired; none where it is in no pair."""
    for lesson in known_lessons(project):
        if name in lesson.names:
            paths = [str(project.footages[one].path) for one in lesson.names]
            off = off_settings(project, name)
            return (PAIR_OPTION, *paths, *_offset_options(lesson.offset), *_off_options(off))
    return ()


def _offset_options(offset: Offset) -> tuple[str, ...]:
    if offset.told_by == STARTS and offset.starts:
        return (STARTS, *offset.starts)
    return (OFFSET, str(offset.seconds)) if offset.told_by == OFFSET else ()


def _off_options(off: OffSettings) -> tuple[str, ...]:
    frozen = () if off.frozen_s is None else (FROZEN, str(off.frozen_s))
    return (DISCONNECT, str(off.shortest_s), *frozen)


@contextmanager
def _left_out_if_refused(project: Project, paired: Paired) -> Iterator[None]:
    """Forget footages that turn out to be of no use, unless there are faces of them."""
    try:
        yield
    except InputError:
        paths = {absolute(footage.path) for footage in paired.footages}
        for entry in list(project.footages.values()):
            if entry.path in paths and not project.has_record(FACES, entry.name):
                del project.footages[entry.name]
        project.save()
        raise


def _keep(project: Project, lesson: Lesson) -> None:
    """Keep a lesson in the project, and write it down for other people's programs."""
    first, second = lesson.names
    offset = lesson.offset
    on = _spans(lesson.on[0]), _spans(lesson.on[1])
    record = PairRecord(
        lesson.names,
        OffsetRecord(offset.seconds, offset.told_by, offset.starts),
        lesson.later_s,
        on,
    )
    if not project.is_finished(PAIR, record, first):
        _forget(project, lesson.names)
        project.finish(PAIR, record, first)
    file, content = project.pair_file(first, second), lesson.as_json()
    if not file.exists() or json.loads(file.read_text(encoding="utf-8")) != content:
        write_json(file, content)


def _forget(project: Project, names: Sequence[str]) -> None:
    """Forget all pairs that one of these footages is in."""
    for first, record in project.records(PAIR).items():
        if set(record.names) & set(names):
            project.pair_file(*record.names).unlink(missing_ok=True)
            project.unfinish(PAIR, first)


def _lesson(record: PairRecord) -> Lesson:
    first, second = (as_intervals(on) for on in record.on)
    part = common_part(first, second + record.later_s)
    if part is None:
        raise ValueError(f"pair must have a part in common, got {record}")
    offset = Offset(record.offset.seconds, record.offset.told_by, record.offset.starts)
    return Lesson(record.names, offset, record.later_s, (first, second), part)


def _spans(intervals: Intervals) -> Spans:
    return tuple((begin, end) for begin, end in intervals.tolist())
