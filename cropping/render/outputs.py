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
    watched: bool = False  # the smiles table was written


@dataclass(frozen=True, slots=True)
class WriteJob:
    """What is to be written.

    Args:
        request: what is asked for of the footage.
        todo: files, relative to the footage's folder of crops.
        rendered: whose pieces there are, by id.
    """

    request: CropJob
    todo: frozenset[str]
    rendered: tuple[int, ...]


def write_crops(given: WriteJob, place: TaskContext) -> Cropped:
    """Put the videos together, and write the timeline and who smiles."""
    request = given.request
    job = place.loaded(plan_of, request)
    legs = _legs(job)
    watched = None if request.knows_smiles else segment_smiles(request, legs)
    if watched is not None:
        watched.write(smiles_file(request.paths, request.name))
    people = [person for person in job.people if person.person_id in given.rendered]
    joined = any(path != TIMELINE_FILE for path in given.todo)
    if joined and job.footage.has_audio and not _sound_file(request).exists():
        with whole_file(_sound_file(request)) as partial_file:
            write_sound(job.footage, partial_file, start_s=start_s(job, people, legs))
    wanted = wanted_files(job, request.folder.keys())
    request.folder.sync(wanted, again=given.todo)
    return _cropped(job, wanted, watched=watched is not None)


def read_crops(request: CropJob, place: TaskContext) -> Cropped:
    """Tell what is there."""
    job = place.loaded(plan_of, request)
    if not job.people:
        return Cropped(len(job.timeline), (), job.never_seen)
    return _cropped(job, wanted_files(job, request.folder.keys()), watched=False)


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
    return segment_smiles(request, _legs(job)) or Smiles.empty()


def _legs(job: CropPlan) -> tuple[RenderSegment, ...]:
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
    legs = _legs(job)
    pieces = [piece for leg in legs for piece in joinable(job, person, leg)]
    mux(path, pieces, [Excerpt(Fraction(0), end_s(job, person, legs))], sound=_sound(job))


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


def _cropped(job: CropPlan, wanted: Mapping[str, OutputFile], *, watched: bool) -> Cropped:
    people = tuple(_summary(job, person, wanted) for person in job.chosen)
    return Cropped(_frames_and_duration(job)[0], people, job.never_seen, watched)


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
