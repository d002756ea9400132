"""The files of a footage: what they depend on, and how they are put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from cropping.camera.shots import FrameTimes
from cropping.render.audio import write_sound
from cropping.render.job import CropJob, CropPlan, Person, plan_of
from cropping.render.mux import Chunk, Excerpt, mux
from cropping.render.tasks import (
    RenderSegment,
    end_s,
    joinable,
    render_segments,
    segment_smiles,
    start_s,
    windows_of,
)
from cropping.smiles.table import Smiles, smiles_file, smiling_intervals
from cropping.timeline_file import person_times, timeline_json
from data.core.atomic import link_or_copy, whole_file
from data.core.digest import digest
from data.execution.tasks import TaskContext
from data.project.manifest import OutputFile
from data.project.project import TIMELINE_FILE
from data.video.footage import open_video


@dataclass(frozen=True, slots=True)
class PersonVideo:
    """One person's video."""

    name: str
    frames: int  # in which they are
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Cropped:
    """What there is of one footage."""

    frames: int
    people: tuple[PersonVideo, ...]
    never_seen: tuple[str, ...]
    scored_smiles: bool = False  # the smiles table was written


@dataclass(frozen=True, slots=True)
class WriteJob:
    """Writing of a footage's files.

    Args:
        request: the footage's job.
        stale: files to write, relative to the footage's folder of crops.
        rendered: ids of the people whose chunks are rendered.
    """

    request: CropJob
    stale: frozenset[str]
    rendered: tuple[int, ...]


def write_crops(job: WriteJob, context: TaskContext) -> Cropped:
    """Put the videos together, and write the timeline and who smiles."""
    request = job.request
    plan = context.loaded(plan_of, request)
    segments = _segments(plan)
    smiles = None if request.knows_smiles else segment_smiles(request, segments)
    if smiles is not None:
        smiles.write(smiles_file(request.paths, request.name))
    people = [person for person in plan.people if person.person_id in job.rendered]
    has_videos = any(path != TIMELINE_FILE for path in job.stale)
    if has_videos and plan.footage.has_audio and not _sound_file(request).exists():
        with whole_file(_sound_file(request)) as partial_file:
            write_sound(plan.footage, partial_file, start_s=start_s(plan, people, segments))
    wanted = wanted_files(plan, request.folder.keys())
    request.folder.sync(wanted, again=job.stale)
    return _cropped(plan, wanted, scored_smiles=smiles is not None)


def read_crops(job: CropJob, context: TaskContext) -> Cropped:
    """Summarise the files of an earlier run."""
    plan = context.loaded(plan_of, job)
    if not plan.people:
        return Cropped(len(plan.timeline), (), plan.never_seen)
    return _cropped(plan, wanted_files(plan, job.folder.keys()), scored_smiles=False)


def wanted_files(job: CropPlan, known: Mapping[str, str]) -> dict[str, OutputFile]:
    """Every file that the folder shall hold: a best-of after its video, the timeline last."""
    wanted: dict[str, OutputFile] = {}
    kept: list[Person] = []
    chosen = {person.person_id for person in job.chosen}
    for person in job.people:
        asked = person.person_id in chosen
        key = person.key if asked else known.get(person.video)
        if key is None:
            continue
        kept.append(person)
        wanted[person.video] = OutputFile(key, partial(_write_video, job, person))
        best = _best_key(key)
        if (asked and job.settings.only_present) or known.get(person.best) == best:
            wanted[person.best] = OutputFile(best, partial(_write_best, job, person))
    names = [f"{path} {one.key} {job.name}" for path, one in wanted.items()]
    names += [f"{person.person_id} {person.name}" for person in kept]
    names.append(digest(_smiles(job).smile.tobytes()))
    wanted[TIMELINE_FILE] = OutputFile(digest(*names), partial(_write_timeline, job, kept))
    return wanted


def _best_key(key: str) -> str:
    return f"{key}-best"


def _smiles(job: CropPlan) -> Smiles:
    """Who smiles when, as far as that was looked for."""
    request = job.request
    if request.knows_smiles:
        return Smiles.read(smiles_file(request.paths, request.name))
    return segment_smiles(request, _segments(job)) or Smiles.empty()


def _segments(job: CropPlan) -> tuple[RenderSegment, ...]:
    return render_segments(len(FrameTimes.of(job.timeline)))


def _sound_file(request: CropJob) -> Path:
    return request.work / "sound.nut"


def _sound(job: CropPlan) -> Path | None:
    return _sound_file(job.request) if job.footage.has_audio else None


def _write_video(job: CropPlan, person: Person, path: Path) -> None:
    ready = job.ready_video(person)
    if ready.exists():
        link_or_copy(ready, path)
        return
    segments = _segments(job)
    pieces = [piece for segment in segments for piece in joinable(job, person, segment)]
    mux(path, pieces, [Excerpt(Fraction(0), end_s(job, person, segments))], sound=_sound(job))


def _write_best(job: CropPlan, person: Person, path: Path) -> None:
    video = job.request.folder.folder / person.video
    frame_times, shown = FrameTimes.of(job.timeline), windows_of(job, person).present
    spans = [
        Excerpt(Fraction(begin), Fraction(end), f"{int(begin) // 60}:{int(begin) % 60:02d}")
        for begin, end in frame_times.intervals(shown)
    ]
    mux(path, [Chunk(video)], spans, sound=_sound(job))


def _write_timeline(job: CropPlan, people: Sequence[Person], path: Path) -> None:
    """Write who is seen and who smiles when."""
    frames, duration_s = _frames_and_duration(job)
    smiles = _smiles(job)
    times = [
        person_times(
            one.person_id,
            one.name,
            one.video,
            one.tracks,
            job.timeline,
            smiling=smiling_intervals(smiles, one.person_id),
        )
        for one in people
    ]
    content = timeline_json(
        job.name,
        frames=frames,
        duration_s=duration_s,
        rate=job.footage.rate,
        frame_wh=job.request.frame_wh,
        video_wh=job.request.video_wh,
        people=times,
    )
    path.write_bytes(content)


def _cropped(job: CropPlan, wanted: Mapping[str, OutputFile], *, scored_smiles: bool) -> Cropped:
    people = tuple(_summary(job, person, wanted) for person in job.chosen)
    return Cropped(_frames_and_duration(job)[0], people, job.never_seen, scored_smiles)


def _frames_and_duration(job: CropPlan) -> tuple[int, float]:
    """Of the videos, which are all alike; the first that is there."""
    for person in job.people:
        video = job.request.folder.folder / person.video
        if video.exists():
            with open_video(video) as (_, stream):
                return stream.frames, float((stream.duration or 0) * (stream.time_base or 0))
    raise ValueError(f"{job.name} must have a video by now")


def _summary(job: CropPlan, person: Person, wanted: Mapping[str, OutputFile]) -> PersonVideo:
    folder = job.request.folder.folder
    files = [folder / file for file in (person.video, person.best) if file in wanted]
    return PersonVideo(person.name, len(person.tracks), tuple(files))
