"""Last task of crop-people: write the videos, timeline and smiles table of a footage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from cropping.camera.shots import FrameTimes
from cropping.render.audio import write_sound
from cropping.render.job import CropJob, CropPlan, Person, read_plan
from cropping.render.mux import Chunk, Excerpt, mux
from cropping.render.person_times import person_times
from cropping.render.segments import (
    RenderSegment,
    chunks_to_mux,
    combined_smiles,
    end_s,
    render_segments,
    start_s,
)
from cropping.render.tasks import person_windows
from cropping.render.wanted import (
    WantedFile,
    has_smiles,
    people_with_video,
    timeline_key,
    wanted_files,
)
from cropping.smiles.table import smiling_intervals
from data.core.atomic import atomic_write, link_or_copy, write_json
from data.execution.tasks import TaskContext
from data.project.filenames import CropKind
from data.project.manifest import OutputFile
from data.tables.crop_files import crop_files, same_key
from data.tables.smiles import Smiles
from data.tables.timeline_json import TIMELINE_FILE, FootageTimes, timeline_json
from data.tables.tracked_people import merged_smiles
from data.video.container import open_video


@dataclass(frozen=True, slots=True)
class PersonVideo:
    """One person's video."""

    name: str
    frames: int  # number of frames that show the person
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Cropped:
    """Result of cropping one footage."""

    frames: int
    people: tuple[PersonVideo, ...]
    never_seen: tuple[str, ...]
    scored_smiles: bool = False  # the smiles table was written
    sound: tuple[str, ...] = ()  # what the user should know about the sound
    removed: tuple[str, ...] = ()  # files of people who have no tracks any more
    stale: tuple[str, ...] = ()  # names of people whose videos were left out of date


@dataclass(frozen=True, slots=True)
class WriteTask:
    """Task that writes the output files of one footage.

    Args:
        job: crop job of the footage.
        stale: files to write, relative to the footage's crops folder.
        rendered: ids of the people whose chunks have been rendered.
    """

    job: CropJob
    stale: frozenset[str]
    rendered: tuple[int, ...]


def write_crops(task: WriteTask, context: TaskContext) -> Cropped:
    """Mux the stale videos, and write the timeline and the smiles table."""
    job = task.job
    plan = context.loaded(read_plan, job)
    segments = _segments(plan)
    smiles = None if job.smiles_current else combined_smiles(job, segments)
    if smiles is not None:
        smiles.write(job.paths.smiles_file(job.name))
    people = [person for person in plan.people if person.person_id in task.rendered]
    has_videos = any(path != TIMELINE_FILE for path in task.stale)
    if has_videos and plan.footage.has_audio and not _sound_notes_file(job).exists():
        with atomic_write(_sound_file(job)) as partial_file:
            begin_s = start_s(plan, people, segments)
            notes = write_sound(plan.footage, partial_file, start_s=begin_s)
        write_json(_sound_notes_file(job), {"notes": notes})
    listed = job.folder.keys()
    files, removed = output_files(plan, listed), _files_of_nobody(plan, listed)
    job.folder.sync(files, again=task.stale)
    return _cropped(plan, files, scored_smiles=smiles is not None, removed=removed)


def read_crops(job: CropJob, context: TaskContext) -> Cropped:
    """Return the result of an earlier run."""
    plan = context.loaded(read_plan, job)
    if not plan.people:
        return Cropped(len(plan.timeline), (), plan.never_seen)
    return _cropped(plan, output_files(plan, job.folder.keys()), scored_smiles=False)


def output_files(plan: CropPlan, listed: Mapping[str, str]) -> dict[str, OutputFile]:
    """Return all files of the crops folder, each best-of after the video that it is made from.

    Args:
        plan: crop plan of the footage.
        listed: keys of the existing files, by path.
    """
    wanted = wanted_videos(plan, listed)
    files: dict[str, OutputFile] = {}
    for path, file in wanted.items():
        files[path] = OutputFile(file.key, partial(_write_file, plan, path, file))
    key = timeline_key(plan.name, wanted)
    write_timeline = partial(_write_timeline, plan, people_with_video(wanted))
    files[TIMELINE_FILE] = OutputFile(key, write_timeline)
    return files


def lacks_smiles(plan: CropPlan) -> bool:
    """Return whether the timeline lacks the smiles of an up-to-date table."""
    timeline = plan.job.folder.folder / TIMELINE_FILE
    return plan.job.smiles_current and not has_smiles(timeline, _smiles(plan))


def wanted_videos(plan: CropPlan, listed: Mapping[str, str]) -> dict[str, WantedFile]:
    """Return the videos of the crops folder, of all kinds; see `wanted_files`."""
    return wanted_files(
        plan.people,
        {person.person_id for person in plan.chosen},
        listed,
        crop_files(plan.job.folder.folder, listed, None),
        only_present=plan.settings.only_present,
    )


def _files_of_nobody(plan: CropPlan, listed: Mapping[str, str]) -> tuple[str, ...]:
    """Return the listed files of people without tracks, which `write_crops` removes."""
    owners = crop_files(plan.job.folder.folder, listed, None).owners
    tracked = {person.person_id for person in plan.people}
    return tuple(sorted(file for file, person in owners.items() if person not in tracked))


def _smiles(plan: CropPlan) -> Smiles:
    """Return the smiles with all merges applied, empty if smiles were not scored."""
    job = plan.job
    if job.smiles_current:
        smiles = Smiles.read(job.paths.smiles_file(job.name))
    else:
        smiles = combined_smiles(job, _segments(plan)) or Smiles.empty()
    return merged_smiles(smiles, dict(job.merged_into))


def _segments(plan: CropPlan) -> tuple[RenderSegment, ...]:
    return render_segments(len(FrameTimes.of(plan.timeline)))


def _sound_file(job: CropJob) -> Path:
    return job.work / "sound.nut"


def _sound_notes_file(job: CropJob) -> Path:
    """Return the file of `write_sound`'s notes, which is written last."""
    return job.work / "sound.json"


def _sound_notes(job: CropJob) -> tuple[str, ...]:
    file = _sound_notes_file(job)
    return tuple(json.loads(file.read_text(encoding="utf-8"))["notes"]) if file.exists() else ()


def _sound(plan: CropPlan) -> Path | None:
    """Return the file of the sound; None for a silent footage."""
    file = _sound_file(plan.job)
    return file if plan.footage.has_audio and file.stat().st_size else None


def _write_file(plan: CropPlan, name: str, file: WantedFile, path: Path) -> None:
    """Write a file to ``path``, or link the finished file of a renamed person."""
    renamed = plan.renamed_file(name, file.key)
    if renamed.exists():
        link_or_copy(renamed, path)
    elif file.kind is CropKind.BEST:
        _write_best(plan, file.person, path)
    else:
        _write_video(plan, file.person, file.kind, path)


def _write_video(plan: CropPlan, person: Person, kind: CropKind, path: Path) -> None:
    """Write the full-length video with its sound, or the small rendition without."""
    segments = _segments(plan)
    chunks = [chunk for segment in segments for chunk in chunks_to_mux(plan, person, segment, kind)]
    sound = _sound(plan) if kind is CropKind.VIDEO else None
    mux(path, chunks, [Excerpt(Fraction(0), end_s(plan, person, segments))], sound=sound)


def _write_best(plan: CropPlan, person: Person, path: Path) -> None:
    video = plan.job.folder.folder / person.video
    frame_times, shown = FrameTimes.of(plan.timeline), person_windows(plan, person).present
    excerpts = [
        Excerpt(Fraction(begin), Fraction(end), f"{int(begin) // 60}:{int(begin) % 60:02d}")
        for begin, end in frame_times.intervals(shown)
    ]
    mux(path, [Chunk(video)], excerpts, sound=_sound(plan))


def _write_timeline(plan: CropPlan, people: Sequence[Person], path: Path) -> None:
    """Write timeline.json."""
    frames, duration_s = _frames_and_duration(plan)
    smiles = _smiles(plan)
    people_times = tuple(
        person_times(
            person,
            plan.timeline,
            video_wh=plan.job.video_wh,
            smiling=smiling_intervals(smiles, person.person_id),
        )
        for person in people
    )
    times = FootageTimes(
        footage=plan.name,
        frames=frames,
        duration_s=duration_s,
        rate=plan.footage.rate,
        size_wh=plan.job.frame_wh,
        people=people_times,
    )
    path.write_bytes(timeline_json(times))


def _cropped(
    plan: CropPlan,
    files: Mapping[str, OutputFile],
    *,
    scored_smiles: bool,
    removed: tuple[str, ...] = (),
) -> Cropped:
    return Cropped(
        frames=_frames_and_duration(plan)[0],
        people=tuple(_summary(plan, person, files) for person in plan.chosen),
        never_seen=plan.never_seen,
        scored_smiles=scored_smiles,
        sound=_sound_notes(plan.job),
        removed=removed,
        stale=_left_stale(plan, files),
    )


def _left_stale(plan: CropPlan, files: Mapping[str, OutputFile]) -> tuple[str, ...]:
    """Return the people who were not chosen and have a video of other tracks or settings."""
    chosen = {person.person_id for person in plan.chosen}
    return tuple(
        person.name
        for person in plan.people
        if person.person_id not in chosen
        and person.video in files
        and not same_key(files[person.video].key, person.key)
    )


def _frames_and_duration(plan: CropPlan) -> tuple[int, float]:
    """Return the number of frames and the duration in seconds, equal for all videos."""
    for person in plan.people:
        video = plan.job.folder.folder / person.video
        if video.exists():
            with open_video(video) as (_, stream):
                return stream.frames, float((stream.duration or 0) * (stream.time_base or 0))
    raise ValueError(f"{plan.name} must have a video")


def _summary(plan: CropPlan, person: Person, files: Mapping[str, OutputFile]) -> PersonVideo:
    folder = plan.job.folder.folder
    videos = [folder / file for file in (person.video, person.best) if file in files]
    return PersonVideo(person.name, len(person.tracks), tuple(videos))
