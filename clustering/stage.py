"""Stage of cluster-faces: find people in footage, and write the people folder and dataset."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from clustering.faces.coverage import coverage, smaller_min_face_px
from clustering.faces.stage import FacesSummary, find_faces
from clustering.grouping.people import identify_people
from clustering.naming import Naming, name_from_folder
from clustering.output.dataset import DatasetPlan, plan_dataset
from clustering.output.write import (
    IdentifiedFootages,
    identified_footages,
    mark_stopped,
    outputs_exist,
    read_tables,
    write_outputs,
)
from clustering.pairing.match import (
    Paired,
    analysed_intervals,
    find_lessons,
    known_lessons,
    pair_up,
    remove_pairs,
)
from clustering.settings import VERSION, ClusterSettings
from clustering.summary import ClusterSummary, summarise
from data.core.counts import counted
from data.core.errors import InputError, ends_run
from data.core.streams import StreamChoice
from data.execution.context import RunContext
from data.execution.failures import Failures
from data.execution.space_needed import require_space_for
from data.project.project import FootageEntry, Project, absolute
from data.project.stages import FACES, PEOPLE, PeopleRecord
from data.storage.fetch import fetch_footage
from data.storage.shown import command_line
from data.tables.faces import Faces, Frames
from data.tables.frame_sizes import scale_stored_boxes, store_frame_sizes
from data.tables.people import People, open_people
from data.video.content import follow_moved
from data.video.footage import Footage, probe, probe_entry


def cluster_faces(
    project: Project,
    paths: Sequence[Path],
    settings: ClusterSettings,
    *,
    context: RunContext,
) -> ClusterSummary:
    """Find the people in footage, and write the people folder and the dataset of the project.

    All footages of the project are clustered together; people keep their names and ids. Only the
    overlap of paired recordings is sampled. A pair is kept until one of its recordings is named
    alone. Finished work is not repeated, and a stopped run resumes. A footage that cannot be read,
    or has changed, does not prevent the processing of the others.

    Args:
        project: project to update.
        paths: paths of the footages.
        settings: settings of detection, clustering and pairing.
        context: progress, failures and runner of this run.

    Raises:
        InputError: no footage can be used, or none has a face.
    """
    start = time.monotonic()
    failures = context.failures
    failures.expect(len(paths))
    # Before the lock creates the project's folder.
    chosen = [(path, settings.streams.or_else(project.streams_of(path))) for path in paths]
    named = list(failures.each(chosen, lambda one: _fetched(*one), lambda one: one[0]))
    paired, single = pair_up(named, settings.pairing.pairs, failures)
    with project.lock():
        context.notes.extend(follow_moved(project, paths))
        store_frame_sizes(project)
        others, left_out = _probe_others(project, paths, failures)
        failures.expect(len(others))
        both = [footage for pair in paired for footage in pair.footages]
        require_space_for(project, FACES, [*single, *both, *others])
        remove_pairs(project, single)
        footages = [*single, *_overlapping(project, paired, settings, context), *others]
        lessons = known_lessons(project)
        intervals = analysed_intervals(lessons)
        found = find_faces(project, footages, settings, intervals=intervals, context=context)
        _scale_boxes(project)
        tables = {name: read_tables(project, name) for name in project.footages}
        _require_faces(project, found, tables)
        identified, plan, naming, done = _write_people(project, tables, settings, context)
        store_frame_sizes(project)  # of the footages that this run added
        context.remember_options(project)
    names = {footage.name for footage in found}
    return dataclasses.replace(
        summarise(project, found, identified, plan),
        lessons=tuple(lesson for lesson in lessons if names & {*lesson.names}),
        left_out=tuple(left_out),
        named=naming.named,
        skipped=naming.skipped,
        failed=tuple(failures.lines),
        took_s=time.monotonic() - start,
        up_to_date=done and all(footage.already_done for footage in found),
    )


def _scale_boxes(project: Project) -> None:
    """Scale the people's boxes in footages that were replaced by a larger or smaller version."""
    sizes = {
        name: (entry.width, entry.height)
        for name, entry in project.footages.items()
        if (record := project.record(FACES, name)) and record.size_bytes == entry.size_bytes
    }
    if project.people_file.exists():
        with open_people(project.people_file) as people:
            scale_stored_boxes(people, sizes)


def _overlapping(
    project: Project, paired: Sequence[Paired], settings: ClusterSettings, context: RunContext
) -> list[Footage]:
    """Find the overlap of each pair; return the footages of pairs that have one."""
    return find_lessons(
        project,
        paired,
        settings.pairing.off,
        threads=settings.backend.threads,
        force=settings.force,
        context=context,
    )


def _write_people(
    project: Project,
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: ClusterSettings,
    context: RunContext,
) -> tuple[IdentifiedFootages, DatasetPlan, Naming, bool]:
    """Identify the people, name the known ones, and write their folder and the dataset.

    Returns:
        The identified footages, the plan, the names that were given, and whether everything was
        already up to date.
    """
    with open_people(project.people_file) as people:
        inputs = _people_inputs(project, settings, people)
        done = project.is_finished(PEOPLE, inputs) and not settings.force
        if not done:
            _begin_people(project)
            identify_people(project, people, tables, settings.grouping)
        naming = _name_known(people, tables, settings, context)
        with people.reading():
            identified = identified_footages(people, tables)
            inputs = _people_inputs(project, settings, people)
    plan = plan_dataset(identified.visible(), identified.names, label_margin=settings.label_margin)
    done = done and not naming.named and outputs_exist(project, plan)
    if not done:
        _begin_people(project)
        write_outputs(project, identified, plan, context.progress)
        project.finish(PEOPLE, inputs)
    return identified, plan, naming, done


def _begin_people(project: Project) -> None:
    """Mark the people as unfinished; the settings of an earlier run count until the new are whole.

    A label margin, for example, is that of the labels and tracks that exist.
    """
    if (record := project.record(PEOPLE)) is not None:
        mark_stopped(project, record)


def _name_known(
    people: People,
    tables: Mapping[str, tuple[Frames, Faces]],
    settings: ClusterSettings,
    context: RunContext,
) -> Naming:
    if settings.known is None:
        return Naming()
    return name_from_folder(
        people,
        {name: faces for name, (_, faces) in tables.items()},
        settings.known,
        eps=settings.grouping.eps,
        backend=settings.backend,
        progress=context.progress,
    )


def _fetched(path: Path, streams: StreamChoice) -> Footage:
    return probe(fetch_footage(path), streams)


def _probe_others(
    project: Project, paths: Sequence[Path], failures: Failures
) -> tuple[list[Footage], list[str]]:
    """Probe the footages that a stopped run left unfinished, or all footages if none is named.

    A missing footage does not prevent the processing of the others: it keeps its faces, or is
    removed from the project if it has none.

    Returns:
        The footages, and one line per missing footage.
    """
    footages, left_out = [], []
    for entry in _others(project, paths):
        try:
            footages.append(probe_entry(entry))
        except Exception as error:
            if ends_run(error):
                raise
            line = failures.line_of(error, entry.path)
            if not isinstance(error, InputError):
                failures.lines.append(line)
            elif project.has_record(FACES, entry.name):
                left_out.append(f"{line} (its faces are kept as they are)")
            else:
                add = command_line("cluster-faces", "--project", project.folder, entry.path)
                left_out.append(f"{line} (no longer in the project; to add it again: {add})")
            if not project.has_record(FACES, entry.name):
                del project.footages[entry.name]
                project.save()
    if left_out and not project.footages:
        raise InputError(left_out[0])
    if not paths and failures.lines and not project.footages:
        raise failures.summary()
    return footages, left_out


def _others(project: Project, paths: Sequence[Path]) -> list[FootageEntry]:
    named = {absolute(path) for path in paths}
    return [
        entry
        for entry in project.footages.values()
        if entry.path not in named and (not paths or not project.has_record(FACES, entry.name))
    ]


# --- people -----------------------------------------------------------------------------------


def _require_faces(
    project: Project,
    extracted: Sequence[FacesSummary],
    tables: Mapping[str, tuple[Frames, Faces]],
) -> None:
    if any(len(faces) for _, faces in tables.values()):
        return
    names = ", ".join(project.footages[footage.name].path.name for footage in extracted)
    advice = _to_find_faces(project, extracted, tables)
    raise InputError(f"{names}: no face found in {_examined(extracted)}; {advice}")


def _examined(extracted: Sequence[FacesSummary]) -> str:
    """Return the numbers of examined frames and pictures."""
    frames = sum(footage.frames for footage in extracted if footage.kind == "video")
    pictures = sum(footage.frames for footage in extracted if footage.kind != "video")
    shown = [counted(frames, "frame")] if frames or not pictures else []
    return " and ".join([*shown, counted(pictures, "picture")] if pictures else shown)


def _to_find_faces(
    project: Project,
    extracted: Sequence[FacesSummary],
    tables: Mapping[str, tuple[Frames, Faces]],
) -> str:
    """Return what to do if no face was found: the command of a search that finds more."""
    found = [
        coverage(*tables[one.name], project.require_record(FACES, one.name)) for one in extracted
    ]
    command = ("cluster-faces", "--project", project.folder)
    if any(one.detector == "hog" for one in found):
        again = command_line(*command, "--detector", "cnn")
        return f"to search with a better detector: {again}"
    size_px = smaller_min_face_px(min((one.min_face_px for one in found), default=0))
    if size_px is None:
        return "give other footage"
    return f"to look for smaller faces: {command_line(*command, '--min-face', str(size_px))}"


def _people_inputs(project: Project, settings: ClusterSettings, people: People) -> PeopleRecord:
    """Return everything that the people, their folder and the dataset depend on."""
    return PeopleRecord(
        version=VERSION,
        faces={name: project.require_record(FACES, name) for name in project.footages},
        grouping=dataclasses.asdict(settings.grouping),
        label_margin=settings.label_margin,
        names=people.names(),
        decisions=people.decisions_key(),
    )
